// What the clients of all protocols have in common: a protocol says how it opens a connection and what a
// request is on it; here stands what is measured of that.

import { serveParent } from './control.mjs';
import { digestOf, SMALL_BYTES, seededBytes, timedRequests, WRITE_BYTES } from './payload.mjs';

/** Options of the process: JSON in argv[2]. */
export const options = JSON.parse(process.argv[2]);
/** What every upload sends again and again. */
export const payload = seededBytes(options.seed);

/**
 * Answers the parent's questions. `open()` resolves with a connection, `close(connection)` ends it.
 * `request({ bytes, times, framing, headers })` prepares a request whose body is `bytes`, `times` times
 * over; its result, called with a connection, sends it and resolves with the response's body, a string.
 */
export function serveClient({ open, close, request }, more = {}) {
  /** Uploads one after the other on one connection; the time of each from its first byte to the end of
   *  the response. */
  async function uploads({ totalBytes, framing, count, digest = false }) {
    const headers = digest ? { 'x-digest': '1' } : {};
    const times = totalBytes / WRITE_BYTES;
    const send = request({ bytes: payload, times, framing, headers });
    const connection = await open();
    const seconds = [];
    let last;
    for (let i = 0; i < count; i++) {
      const begun = performance.now();
      last = JSON.parse(await send(connection));
      seconds.push((performance.now() - begun) / 1000);
      if (last.bytes !== totalBytes)
        throw new Error(`${last.bytes} of ${totalBytes} bytes arrived`);
    }
    close(connection);
    return { seconds, sha256: last.sha256 };
  }

  /** Small requests, one after the other on each of many connections. */
  async function small({ connections, requests }) {
    const bytes = payload.subarray(0, SMALL_BYTES);
    const send = request({ bytes, times: 1, framing: 'length', headers: { 'x-small': '1' } });
    const all = await Promise.all(Array.from({ length: connections }, open));
    const result = await timedRequests(all, requests, async (connection) => {
      const body = await send(connection);
      if (body.length !== SMALL_BYTES) throw new Error(`${body.length} bytes came back`);
    });
    for (const connection of all) close(connection);
    return result;
  }

  const expectedDigest = ({ totalBytes }) => digestOf(payload, totalBytes);
  serveParent({}, { uploads, expectedDigest, small, ...more });
}
