// What RTMPS is measured against: a TLS server of Node.js, which counts bytes and does nothing else with
// them. Options: JSON in argv[2].

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:tls';
import { serveParent } from './control.mjs';
import { Receipt } from './receipt.mjs';

const { certFile, keyFile } = JSON.parse(process.argv[2]);
const receipt = new Receipt();
const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
server.on('secureConnection', (socket) => {
  socket.on('data', (bytes) => receipt.add(bytes));
  socket.once('end', () => receipt.end());
  socket.once('error', (error) => receipt.fail(error));
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
serveParent({ port: server.address().port }, receipt.handlers);
