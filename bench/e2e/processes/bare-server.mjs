// What is measured against: the same libraries as the server's, which count the bytes of a request and do
// nothing else with them. Options: JSON in argv[2].

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createH2cServer, createSecureServer } from 'node:http2';
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

/** Exchanges as websocket-client.mjs has them. */
function countMessages(socket) {
  let bytes = 0;
  let small = false;
  socket.on('message', (data, isBinary) => {
    if (isBinary) {
      bytes += data.length;
      return;
    }
    const { type, headers } = JSON.parse(data);
    if (type === 'open') {
      bytes = 0;
      small = headers.some(([name]) => name === 'x-small');
      return;
    }
    socket.send('{"type":"head","status":200,"headers":[]}');
    socket.send(answer(bytes, small));
    socket.send('{"type":"end"}');
  });
}

/** The engine's own streams, each an HTTP/3 request. */
function countStream(stream, fields) {
  const small = fields['x-small'] !== undefined;
  let bytes = 0;
  stream.on('error', () => {});
  stream.on('data', (chunk) => {
    bytes += chunk.length;
  });
  stream.on('end', () => {
    const body = answer(bytes, small);
    stream.respond({ ':status': '200', 'content-length': String(body.length) });
    stream.end(body);
  });
}

/** Undefined where the engine does not load. */
async function listenHttp3() {
  const engine = await import('@currentspace/http3').catch(() => undefined);
  if (!engine) return undefined;
  const server = engine.createSecureServer({ ...tls, runtimeMode: 'portable' }, countStream);
  server.on('error', () => {});
  server.on('session', (session) => session.on('error', () => {}));
  server.listen(0, '127.0.0.1');
  if (!server.address()) await once(server, 'listening');
  return server.address().port;
}

const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
const options = { requestTimeout: 0 };
/** As large as the server's own. */
const windows = { settings: { initialWindowSize: 2 ** 20, maxFrameSize: 2 ** 16 } };
const CONNECTION_WINDOW_BYTES = 16 * 2 ** 20;

const listen = (server) =>
  new Promise((resolve) => {
    server.on('session', (session) => session.setLocalWindowSize(CONNECTION_WINDOW_BYTES));
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });

const http = createServer(options, count);
const https = createTlsServer({ ...options, ...tls }, count);
for (const server of [http, https]) {
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  sockets.on('connection', countMessages);
}
serveParent(
  {
    path: '/upload',
    http: await listen(http),
    https: await listen(https),
    h2: await listen(createSecureServer({ ...windows, ...tls }, count)),
    h2c: await listen(createH2cServer(windows, count)),
    h3: await listenHttp3(),
  },
  { ages: () => ages.take() },
);
