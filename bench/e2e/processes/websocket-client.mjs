// WebSocket by the package ws: one connection carries many exchanges (upload-response.v1).

import { once } from 'node:events';
import { WebSocket } from 'ws';
import { options, serveClient } from './client.mjs';
import { writeAll } from './payload.mjs';

const { port, scheme, path } = options;

async function open() {
  const socket = new WebSocket(`${scheme}://127.0.0.1:${port}${path}`, ['upload-response.v1'], {
    rejectUnauthorized: false,
    perMessageDeflate: false,
  });
  await once(socket, 'open');
  return socket;
}

function request({ bytes, times, headers }) {
  const begin = { type: 'open', headers: Object.entries(headers), length: bytes.length * times };
  const opening = JSON.stringify(begin);
  return (socket) =>
    new Promise((resolve, reject) => {
      let text = '';
      const onMessage = (data, isBinary) => {
        if (isBinary) {
          text += data.toString('latin1');
          return;
        }
        const { type, status } = JSON.parse(data);
        if (type === 'head' && status === 200) return;
        socket.off('message', onMessage);
        if (type === 'end') resolve(text);
        else reject(new Error(String(data)));
      };
      socket.on('message', onMessage);
      socket.send(opening);
      writeAll(times, (last, taken) => {
        socket.send(bytes, taken);
        if (last) socket.send('{"type":"end"}');
      });
    });
}

serveClient({ open, request, close: (socket) => socket.terminate() });
