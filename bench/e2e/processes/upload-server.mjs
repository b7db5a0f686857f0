// The server of this project, with its own defaults. Options: JSON in argv[2].

import { createServer } from '../../../dist/index.js';
import { serveParent } from './control.mjs';

const { socket, certFile, keyFile } = JSON.parse(process.argv[2]);
const server = await createServer({
  segment: { socket },
  http: { port: 0, tls: { port: 0, certFile, keyFile } },
  log: { level: 'error' },
});
const addresses = await server.listen();
const portOf = (scheme) => addresses.find((address) => address.scheme === scheme).port;
const schemes = ['http', 'https', 'ws', 'wss'];
const ports = Object.fromEntries(schemes.map((scheme) => [scheme, portOf(scheme)]));
serveParent({ ...ports, path: '/upload' });
