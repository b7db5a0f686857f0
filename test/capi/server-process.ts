/** A server in a process of its own, to be killed. Arguments: control socket. */
import { createServer } from '../../src/server.js';

const [socket = ''] = process.argv.slice(2);
const pools = [{ name: 'uploads', streams: 16, requestSlots: 8, responseSlots: 4 }];
const server = await createServer({
  segment: { socket, pools },
  http: { port: 0 },
  log: { level: 'silent' },
});
const [address] = await server.listen();
process.once('disconnect', () => process.exit(0));
process.send?.({ event: 'listening', port: address?.port });
