// node-media-server of bench/peers as a sink, plain and TLS: what its sessions count of a publication.
// Options: JSON in argv[2].

import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { serveParent } from './control.mjs';
import { freeTcpPort } from './free-port.mjs';
import { Receipt } from './receipt.mjs';

const { folder, certFile, keyFile } = JSON.parse(process.argv[2]);
const receipt = new Receipt();

// It logs everything there, and the benchmark's tables go the same way.
console.log = (line) => {
  if (line.includes('[ERROR]')) console.error(line);
};
const require = createRequire(new URL('../../peers/package.json', import.meta.url));
const NodeMediaServer = require('node-media-server');
const ports = { rtmp: await freeTcpPort(), rtmps: await freeTcpPort() };
const server = new NodeMediaServer({
  bind: '127.0.0.1',
  rtmp: { port: ports.rtmp },
  rtmps: { port: ports.rtmps, key: keyFile, cert: certFile },
  store: { path: join(folder, `node-media-server-${process.pid}`) },
  webadmin: { enable: false },
});

server.on('postPublish', (session) => {
  let counted = session.inBytes;
  // After its own handler, which has parsed the bytes then.
  session.socket.on('data', () => {
    receipt.add({ length: session.inBytes - counted });
    counted = session.inBytes;
  });
  session.socket.once('close', () => receipt.end());
});
const { tcpServer, tlsServer } = server.rtmpServer;
const listening = Promise.all([once(tcpServer, 'listening'), once(tlsServer, 'listening')]);
await server.run();
await listening;
serveParent(ports, receipt.handlers);
