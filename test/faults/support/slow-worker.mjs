// Reads every byte of an upload, no faster than a given rate. Arguments: the control socket, bytes a
// second.
import { setTimeout as delay } from 'node:timers/promises';
import { attach } from '../../../dist/worker/index.js';

const [socket, rate] = process.argv.slice(2);
const worker = await attach({ socket, verify: true });
process.send('ready');
process.on('disconnect', () => process.exit(1));
await worker.run(async (exchange) => {
  const began = performance.now();
  let bytes = 0;
  for await (const chunk of exchange.request.body) {
    bytes += chunk.length;
    const ahead = (bytes / Number(rate)) * 1000 - (performance.now() - began);
    if (ahead > 5) await delay(ahead);
  }
  await exchange
    .respond(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ bytes }));
});
