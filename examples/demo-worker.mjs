// What 'npm start' runs: while an upload is still being sent it answers with lines of progress, and at
// the end with size and SHA-256. Watch it with
//   curl --no-buffer -kT big.bin https://localhost:8443/upload
import { createHash } from 'node:crypto';

const PROGRESS_MS = 250;
const MB = 1e6;

/** @param {import('upload-response/worker').Exchange} exchange */
export default async function demo({ request, respond }) {
  const response = respond(200, { 'content-type': 'text/plain; charset=utf-8' });
  const hash = createHash('sha256');
  const began = performance.now();
  let size = 0;
  let saidAt = began;

  const line = (now) => {
    const seconds = Math.max(now - began, 1) / 1000;
    const rate = size / MB / seconds;
    return `${(size / MB).toFixed(1)} MB in ${seconds.toFixed(1)} s, ${rate.toFixed(0)} MB/s`;
  };

  await response.write(`worker ${process.pid} reads ${request.method} while it arrives\n`);
  for await (const { bytes } of request.body) {
    hash.update(bytes);
    size += bytes.length;
    const now = performance.now();
    if (now - saidAt < PROGRESS_MS) continue;
    saidAt = now;
    await response.write(`${line(now)}\n`);
  }
  await response.write(`${line(performance.now())}, done\n`);
  await response.end(`sha256 ${hash.digest('hex')}\nsize   ${size}\n`);
}
