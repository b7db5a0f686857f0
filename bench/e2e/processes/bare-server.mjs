// What is measured against: node:http and node:https, which count the bytes of a request and do nothing
// else with them. Options: JSON in argv[2].

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { serveParent } from './control.mjs';
import { Ages } from './samples.mjs';

const { certFile, keyFile } = JSON.parse(process.argv[2]);
const ages = new Ages();

function count(request, response) {
  const stamped = request.headers['x-stamped'] !== undefined;
  let bytes = 0;
  request.on('data', (chunk) => {
    if (bytes === 0 && stamped) ages.add(chunk);
    bytes += chunk.length;
  });
  request.on('end', () => {
    const body = JSON.stringify({ bytes });
    response.writeHead(200, { 'content-length': body.length });
    response.end(body);
  });
}

const options = { requestTimeout: 0 };
const plain = createServer(options, count);
const tls = createTlsServer(
  { ...options, cert: readFileSync(certFile), key: readFileSync(keyFile) },
  count,
);
const listen = (server) =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
serveParent(
  { http: await listen(plain), https: await listen(tls), path: '/upload' },
  { ages: () => ages.take() },
);
