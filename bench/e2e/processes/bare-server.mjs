// What is measured against: the same libraries as the server's, which count the bytes of a request and do
// nothing else with them. Options: JSON in argv[2].

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
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

const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
const options = { requestTimeout: 0 };
const listen = (server) =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
serveParent(
  {
    path: '/upload',
    http: await listen(createServer(options, count)),
    https: await listen(createTlsServer({ ...options, ...tls }, count)),
  },
  { ages: () => ages.take() },
);
