// HTTP/2 by node:http2, one session for the uploads. Options: JSON in argv[2].

import { once } from 'node:events';
import { connect } from 'node:http2';
import { serveParent } from './control.mjs';
import {
  digestOf,
  SMALL_BYTES,
  seededBytes,
  timedRequests,
  WRITE_BYTES,
  writeAll,
} from './payload.mjs';

const { port, scheme, path, seed } = JSON.parse(process.argv[2]);
const payload = seededBytes(seed);

async function open() {
  const session = connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false });
  await once(session, 'remoteSettings');
  return session;
}

function request(session, length, extra) {
  return session.request({
    ':method': 'POST',
    ':path': path,
    'content-length': length,
    ...extra,
  });
}

async function response(stream) {
  const [headers] = await once(stream, 'response');
  const parts = [];
  for await (const part of stream) parts.push(part);
  const body = Buffer.concat(parts);
  if (headers[':status'] !== 200) throw new Error(`${headers[':status']}: ${body}`);
  return body;
}

async function uploads({ totalBytes, framing, count, digest = false }) {
  const session = await open();
  const extra = { ...(digest && { 'x-digest': '1' }) };
  const length = framing === 'length' ? totalBytes : undefined;
  const seconds = [];
  let last;
  for (let i = 0; i < count; i++) {
    const begun = performance.now();
    const stream = request(session, length, extra);
    const answered = response(stream);
    let left = totalBytes / WRITE_BYTES;
    writeAll(
      {
        write: (bytes, taken) => {
          left -= 1;
          if (left === 0) stream.end(bytes);
          else stream.write(bytes, taken);
        },
      },
      payload,
      left,
    );
    last = JSON.parse(await answered);
    seconds.push((performance.now() - begun) / 1000);
    if (last.bytes !== totalBytes) throw new Error(`${last.bytes} of ${totalBytes} bytes arrived`);
  }
  session.destroy();
  return { seconds, sha256: last.sha256 };
}

/** Small requests, one after the other on each of many connections. */
async function small({ connections, requests }) {
  const body = payload.subarray(0, SMALL_BYTES);
  const sessions = await Promise.all(Array.from({ length: connections }, open));
  const result = await timedRequests(sessions, requests, async (session) => {
    const stream = request(session, SMALL_BYTES, { 'x-small': '1' });
    const answered = response(stream);
    stream.end(body);
    const { length } = await answered;
    if (length !== SMALL_BYTES) throw new Error(`${length} bytes came back`);
  });
  for (const session of sessions) session.destroy();
  return result;
}

const expectedDigest = ({ totalBytes }) => digestOf(payload, totalBytes);

serveParent({}, { uploads, expectedDigest, small });
