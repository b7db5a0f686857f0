/** A server process of several on one segment. Arguments: control socket, whether it joins. */
import { createServer } from '../../../src/server.js';

const [socket = '', join = ''] = process.argv.slice(2);
const server = await createServer(
  {
    segment: {
      socket,
      pools: [{ name: 'uploads', streams: 4, requestSlots: 8, responseSlots: 4 }],
    },
    http: { port: 0 },
    server: { processes: 2 },
    limits: { noWorkerTimeoutMs: 120_000, responseTimeoutMs: 120_000, evictAfterMs: 120_000 },
    control: { workerTimeoutMs: 300_000 },
    log: { level: 'silent' },
  },
  { join: join === 'true' },
);
const [address] = await server.listen();
process.once('disconnect', () => process.exit(0));
process.send?.({ port: address?.port });
