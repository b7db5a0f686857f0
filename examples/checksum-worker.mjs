import { createHash } from 'node:crypto';
import { attach } from 'upload-response/worker';

const worker = await attach();
await worker.run(async ({ request, respond }) => {
  const hash = createHash('sha256');
  let size = 0;
  for await (const { bytes } of request.body) {
    hash.update(bytes);
    size += bytes.length;
  }
  await respond(200).end(`${JSON.stringify({ sha256: hash.digest('hex'), size })}\n`);
});
