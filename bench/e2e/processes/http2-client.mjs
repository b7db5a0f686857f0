// HTTP/2 by Node's own client, one session for each connection.

import { once } from 'node:events';
import { connect } from 'node:http2';
import { options, serveClient } from './client.mjs';
import { writeAll } from './payload.mjs';

const { port, scheme, path } = options;

async function open() {
  const session = connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false });
  await once(session, 'connect');
  return session;
}

function request({ bytes, times, framing, headers }) {
  const head = { ':method': 'POST', ':path': path, ...headers };
  if (framing === 'length') head['content-length'] = bytes.length * times;
  return (session) =>
    new Promise((resolve, reject) => {
      const stream = session.request(head);
      let text = '';
      let status = 0;
      stream.on('response', (fields) => {
        status = fields[':status'];
      });
      stream.on('data', (chunk) => {
        text += chunk.toString('latin1');
      });
      stream.once('error', reject);
      stream.once('end', () => {
        if (status === 200) resolve(text);
        else reject(new Error(`${status} ${text}`));
      });
      writeAll(times, (last, taken) => {
        if (last) stream.end(bytes, taken);
        else stream.write(bytes, taken);
      });
    });
}

serveClient({ open, request, close: (session) => session.destroy() });
