// Says what an upload is, by its first bytes, before the rest of it has arrived; then its SHA-256.
// Answers with two lines of JSON.
import { createHash } from 'node:crypto';
import { attach } from 'upload-response/worker';

/** Magic numbers: where they stand, what they are. */
const TYPES = [
  [0, '89504e470d0a1a0a', 'image/png'],
  [0, 'ffd8ff', 'image/jpeg'],
  [0, '474946383761', 'image/gif'],
  [0, '474946383961', 'image/gif'],
  [8, '57454250', 'image/webp'],
  [0, '255044462d', 'application/pdf'],
  [0, '504b0304', 'application/zip'],
  [0, '1f8b', 'application/gzip'],
  [0, '28b52ffd', 'application/zstd'],
  [0, '1a45dfa3', 'video/webm'],
  [4, '66747970', 'video/mp4'],
  [8, '57415645', 'audio/wav'],
  [0, '4f676753', 'audio/ogg'],
  [0, '664c6143', 'audio/flac'],
  [0, '494433', 'audio/mpeg'],
].map(([at, hex, type]) => ({ at, magic: Buffer.from(hex, 'hex'), type }));
const ENOUGH = Math.max(...TYPES.map(({ at, magic }) => at + magic.length));

const typeOf = (begin) =>
  TYPES.find(({ at, magic }) => magic.equals(begin.subarray(at, at + magic.length)))?.type ??
  'application/octet-stream';

const worker = await attach();
await worker.run(async ({ request, respond }) => {
  const response = respond(200, { 'content-type': 'application/x-ndjson' });
  const hash = createHash('sha256');
  let begin = Buffer.alloc(0);
  let told = false;
  let size = 0;
  const tell = async () => {
    told = true;
    await response.write(`${JSON.stringify({ type: typeOf(begin) })}\n`);
  };
  for await (const { bytes } of request.body) {
    hash.update(bytes);
    size += bytes.length;
    if (told) continue;
    begin = Buffer.concat([begin, bytes.subarray(0, ENOUGH)]);
    if (begin.length >= ENOUGH) await tell();
  }
  if (!told) await tell();
  await response.end(`${JSON.stringify({ sha256: hash.digest('hex'), size })}\n`);
});
