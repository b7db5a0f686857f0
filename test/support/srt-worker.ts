/**
 * A worker for tests of SRT, on the worker SDK: reports each request by IPC, and answers with the same
 * as JSON. Arguments: control socket, and a folder into which it writes the bodies; without it none.
 */
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { attach } from '../../src/worker/index.js';

const [socket = '', folder = ''] = process.argv.slice(2);
const worker = await attach({ socket });
let count = 0;

process.send?.({ event: 'ready' });
await worker.run(async ({ request, respond }) => {
  const { path, headers } = request.head;
  const file = folder === '' ? '' : join(folder, `body-${process.pid}-${count++}`);
  const hash = createHash('sha256');
  const slots: number[] = [];
  let size = 0;
  process.send?.({ event: 'opened', path, file });
  // It answers without having read.
  if (path.includes('early')) return respond(200, [['content-length', '5']]).end('early');
  try {
    for await (const { bytes } of request.body) {
      hash.update(bytes);
      size += bytes.length;
      slots.push(bytes.length);
      if (file !== '') appendFileSync(file, bytes);
    }
  } catch (error) {
    process.send?.({ event: 'aborted', path, code: (error as { code?: string }).code });
    throw error;
  }
  const whole = { path, headers, size, sha256: hash.digest('hex') };
  process.send?.({ event: 'body', ...whole, slots, file });
  // A body that is longer than one message, where the client asks for it.
  const padding = 'x'.repeat(Number(/pad-(\d+)/.exec(path)?.[1] ?? 0));
  const text = JSON.stringify({ size, sha256: whole.sha256, padding });
  await respond(200, [['content-length', String(text.length)]]).end(text);
});
