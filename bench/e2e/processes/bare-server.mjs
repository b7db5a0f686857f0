// What is measured against: the same libraries as the server's, which count the bytes of a request and do
// nothing else with them. Options: JSON in argv[2].

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { WebSocketServer } from 'ws';
import { serveParent } from './control.mjs';
import { SMALL_BYTES } from './payload.mjs';
import { Ages } from './samples.mjs';

const { certFile, keyFile } = JSON.parse(process.argv[2]);
const ages = new Ages();
const smallAnswer = Buffer.alloc(SMALL_BYTES, 'a');
const answer = (bytes, small) => (small ? smallAnswer : Buffer.from(JSON.stringify({ bytes })));

function count(request, response) {
  const stamped = request.headers['x-stamped'] !== undefined;
  const small = request.headers['x-small'] !== undefined;
  let bytes = 0;
  request.on('data', (chunk) => {
    if (bytes === 0 && stamped) ages.add(chunk);
    bytes += chunk.length;
  });
  request.on('end', () => {
    const body = answer(bytes, small);
    response.writeHead(200, { 'content-length': body.length });
    response.end(body);
  });
}

/** The same over WebSocket, with the messages of several exchanges on a connection. */
function countMessages(socket) {
  let bytes = 0;
  let small = false;
  socket.on('message', (data, isBinary) => {
    if (isBinary) {
      bytes += data.length;
      return;
    }
    const message = JSON.parse(data.toString());
    if (message.type === 'open') {
      bytes = 0;
      small = message.headers.some(([name]) => name === 'x-small');
    } else {
      socket.send(JSON.stringify({ type: 'head', status: 200, headers: [] }));
      socket.send(answer(bytes, small));
      socket.send(JSON.stringify({ type: 'end' }));
    }
  });
}

const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
const options = { requestTimeout: 0 };
const listen = (server) =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
const plain = createServer(options, count);
const secure = createTlsServer({ ...options, ...tls }, count);
for (const server of [plain, secure])
  new WebSocketServer({ server }).on('connection', countMessages);
const http = await listen(plain);
const https = await listen(secure);
serveParent({ path: '/upload', http, https, ws: http, wss: https }, { ages: () => ages.take() });
