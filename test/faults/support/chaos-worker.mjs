// A worker that answers as the header `x-mode` asks. Arguments: the control socket.
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { attach } from '../../../dist/worker/index.js';

const answers = {
  /** One answer at the end. */
  async hash({ request, respond }) {
    const { bytes, sha1 } = await digest(request.body);
    await respond(200, { 'content-type': 'application/json' }).end(JSON.stringify({ bytes, sha1 }));
  },
  /** The body back as it comes. */
  async echo({ request, respond }) {
    const response = respond(200, { 'content-type': 'application/octet-stream' });
    for await (const chunk of request.body) await response.write(chunk.bytes);
    await response.end();
  },
  /** Chunks kept and released out of order, then as `hash`. */
  async hoard({ request, respond }) {
    const kept = [];
    const { bytes, sha1 } = await digest(request.body, (chunk) => {
      kept.push(chunk.retain());
      if (kept.length > 3) for (const one of kept.splice(0, 2).reverse()) one.release();
    });
    for (const chunk of kept.reverse()) chunk.release();
    await respond(200, {}).end(JSON.stringify({ bytes, sha1 }));
  },
  /** Slower than the client. */
  async slow({ request, respond }) {
    const { bytes, sha1 } = await digest(request.body, () => delay(2));
    await respond(200, {}).end(JSON.stringify({ bytes, sha1 }));
  },
};

async function digest(body, each = () => undefined) {
  const hash = createHash('sha1');
  let bytes = 0;
  for await (const chunk of body) {
    hash.update(chunk.bytes);
    bytes += chunk.length;
    await each(chunk);
  }
  return { bytes, sha1: hash.digest('hex') };
}

const worker = await attach({
  socket: process.argv[2],
  verify: true,
  concurrency: 4,
  onEvent: () => undefined, // aborted exchanges are what this test is about
});
process.send('ready');
process.on('disconnect', () => process.exit(1));
await worker.run((exchange) => {
  const answer = answers[exchange.request.header('x-mode')] ?? answers.hash;
  return answer({ request: exchange.request, respond: (...args) => exchange.respond(...args) });
});
