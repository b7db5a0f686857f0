// HTTP/1.1, HTTP/2 and HTTP/3.

import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:http2';
import { UNIT_HEAD_BYTES, unitOf } from './unit.mjs';

const pathOf = (index) => `/upload/${index}`;

export async function http1(index, { port }) {
  const upload = request({ port, host: '127.0.0.1', method: 'POST', path: pathOf(index) });
  upload.setNoDelay(true);
  upload.flushHeaders();
  return {
    send: (id, fps, bytes) => upload.write(unitOf(id, fps, bytes)),
    async end() {
      const answered = once(upload, 'response');
      upload.end();
      const [response] = await answered;
      response.resume();
    },
  };
}

/** What both have in common: a stream that is answered when it has ended. */
function streamOf(session, head) {
  const stream = session.request({ ':method': 'POST', ...head });
  const answered = new Promise((resolve, reject) => {
    stream.once('response', (fields) => {
      const status = String(fields[':status']);
      if (status === '200') resolve();
      else reject(new Error(`answered ${status}`));
    });
    stream.once('error', reject);
  });
  answered.catch(() => {});
  stream.resume();
  return {
    send: (id, fps, bytes) => stream.write(unitOf(id, fps, bytes)),
    async end() {
      stream.end();
      await answered;
      session.close();
    },
  };
}

/** Over TLS, as browsers have it. */
export async function http2(index, { port }) {
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  await once(session, 'connect');
  return streamOf(session, { ':path': pathOf(index) });
}

/** Its length is said beforehand: without one the server does not know the end of a body. */
export async function http3(index, { port, frames, bytes }) {
  const { connectAsync } = await import('@currentspace/http3');
  const session = await connectAsync(`https://127.0.0.1:${port}`, {
    rejectUnauthorized: false,
    runtimeMode: 'portable',
    servername: 'localhost',
  });
  session.on('error', () => {});
  return streamOf(session, {
    ...{ ':scheme': 'https', ':authority': `localhost:${port}`, ':path': pathOf(index) },
    'content-length': String(frames * (UNIT_HEAD_BYTES + bytes)),
  });
}
