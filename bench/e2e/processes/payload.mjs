// What every client sends, and how it hashes it: the same bytes for every run of a seed.

import { createHash } from 'node:crypto';

/** One write of a client. */
export const WRITE_BYTES = 256 * 1024;
/** Writes that a socket has at once: the next one is there when one has been taken. */
export const WRITES_AHEAD = 2;
/** Body of a small request, and of its response. */
export const SMALL_BYTES = 1024;

export function seededBytes(seed, length = WRITE_BYTES) {
  const bytes = Buffer.alloc(length);
  for (let at = 0, block = createHash('sha256').update(String(seed)).digest(); at < length; ) {
    at += block.copy(bytes, at);
    block = createHash('sha256').update(block).digest();
  }
  return bytes;
}

/** SHA-256 of `payload` sent again and again. */
export function digestOf(payload, totalBytes) {
  const hash = createHash('sha256');
  for (let at = 0; at < totalBytes; at += payload.length) hash.update(payload);
  return { sha256: hash.digest('hex') };
}

/** Calls `write(last, taken)` `times` times: the next one when an earlier one has been taken. */
export function writeAll(times, write) {
  let left = times;
  const next = () => {
    if (left === 0) return;
    left -= 1;
    write(left === 0, next);
  };
  for (let i = 0; i < WRITES_AHEAD; i++) next();
}

/**
 * Runs `once(lane)` `requests` times, `lanes.length` at a time, one after the other on each lane.
 * Resolves with the time of each in ns, and of all together in seconds.
 */
export async function timedRequests(lanes, requests, once) {
  const ns = [];
  let left = requests;
  const begun = performance.now();
  await Promise.all(
    lanes.map(async (lane) => {
      while (left > 0) {
        left -= 1;
        const at = process.hrtime.bigint();
        await once(lane);
        ns.push(Number(process.hrtime.bigint() - at));
      }
    }),
  );
  return { ns, seconds: (performance.now() - begun) / 1000 };
}
