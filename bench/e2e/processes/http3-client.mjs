// HTTP/3 by the engine's own client, one connection for each that the benchmark opens.

import { connectAsync } from '@currentspace/http3';
import { options, serveClient } from './client.mjs';
import { writeAll } from './payload.mjs';

const { port, path } = options;

async function open() {
  const session = await connectAsync(`https://127.0.0.1:${port}`, {
    rejectUnauthorized: false,
    runtimeMode: 'portable',
    servername: 'localhost',
  });
  session.on('error', () => {});
  return session;
}

function request({ bytes, times, headers }) {
  const head = {
    ...{ ':method': 'POST', ':scheme': 'https', ':authority': `localhost:${port}`, ':path': path },
    ...{ 'content-length': String(bytes.length * times), ...headers },
  };
  return (session) =>
    new Promise((resolve, reject) => {
      const stream = session.request(head);
      let text = '';
      let status = '';
      stream.on('response', (fields) => {
        status = String(fields[':status']);
      });
      stream.on('data', (chunk) => {
        text += Buffer.from(chunk).toString('latin1');
      });
      stream.once('error', reject);
      stream.once('end', () => {
        if (status === '200') resolve(text);
        else reject(new Error(`${status} ${text}`));
      });
      writeAll(times, (last, taken) => {
        if (last) stream.end(bytes, taken);
        else stream.write(bytes, taken);
      });
    });
}

serveClient({ open, request, close: (session) => void session.close() });
