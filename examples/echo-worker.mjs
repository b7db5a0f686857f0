// Sends every upload back while it is still arriving, and reports progress on standard error. The
// client must read while it sends: curl -T big.bin URL -o copy.bin does.
import { attach, stopOnSignals } from 'upload-response/worker';

const REPORT_BYTES = 64 * 1024 * 1024;

const worker = await attach({ waitForServer: true });
stopOnSignals(worker);
await worker.run(async ({ id, request, respond, signal }) => {
  const say = (text) => process.stderr.write(`stream ${id}: ${text}\n`);
  signal.addEventListener('abort', () => say(`given up: ${signal.reason.code}`));
  const type = request.header('content-type') ?? 'application/octet-stream';
  const response = respond(200, { 'content-type': type });
  let size = 0;
  for await (const { bytes } of request.body) {
    // The chunk stays valid until the next one is asked for, and until then the write is done.
    await response.write(bytes);
    const before = Math.floor(size / REPORT_BYTES);
    size += bytes.length;
    if (Math.floor(size / REPORT_BYTES) > before) say(`${size} bytes so far`);
  }
  await response.end();
  say(`${size} bytes echoed`);
});
