// The server of this project, with its own defaults. Options: JSON in argv[2]; `transports` are more of
// them than those that listen anyway.

import { createServer } from '../../../dist/index.js';
import { serveParent } from './control.mjs';

const { socket, certFile, keyFile, transports } = JSON.parse(process.argv[2]);
const server = await createServer({
  // Small requests follow one another faster than a stream closes.
  segment: { socket, pools: [{ name: 'uploads', streams: 256 }] },
  http: { port: 0, tls: { port: 0, certFile, keyFile }, h2c: { port: 0 } },
  transports: { http3: { enabled: true, port: 0 }, ...transports },
  log: { level: 'error', streams: false },
});
const addresses = await server.listen();
const portOf = (transport, scheme) =>
  addresses.find((one) => one.transport === transport && one.scheme === scheme)?.port;
serveParent({
  path: '/upload',
  addresses,
  http: portOf('http1', 'http'),
  https: portOf('http1', 'https'),
  h2: portOf('http2', 'https'),
  h2c: portOf('http2', 'http'),
  h3: portOf('http3', 'https'),
});
