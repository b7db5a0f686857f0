// HTTP/1.1 over a raw socket; everything that is sent is built before the clock starts. Options: JSON in
// argv[2].

import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { serveParent } from './control.mjs';
import {
  digestOf,
  SMALL_BYTES,
  seededBytes,
  timedRequests,
  WRITE_BYTES,
  writeAll,
} from './payload.mjs';
import { stamp } from './samples.mjs';

const { port, scheme, path, seed } = JSON.parse(process.argv[2]);
const HTTP_CHUNK_BYTES = 64 * 1024;
const payload = seededBytes(seed);

/** Bytes as HTTP chunks. */
function chunked(bytes) {
  const parts = [];
  for (let at = 0; at < bytes.length; at += HTTP_CHUNK_BYTES) {
    const part = bytes.subarray(at, at + HTTP_CHUNK_BYTES);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

function headOf(length, framing, extra = '') {
  const body = framing === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
  return Buffer.from(`POST ${path} HTTP/1.1\r\nHost: localhost\r\n${body}\r\n${extra}\r\n`);
}

const open = () =>
  new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', rejectUnauthorized: false };
    const socket =
      scheme === 'https'
        ? connectTls(options, () => resolve(socket))
        : connect(options, () => resolve(socket));
    socket.setNoDelay(true);
    socket.once('error', reject);
  });

/** Reads one response with a Content-Length; resolves with its body. */
function response(socket) {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (bytes) => {
      text += bytes.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/content-length: *(\d+)/i.exec(text)?.[1]);
      if (text.length < head + 4 + length) return;
      socket.off('data', onData);
      socket.off('close', onClose);
      if (text.startsWith('HTTP/1.1 200')) resolve(text.slice(head + 4));
      else reject(new Error(text));
    };
    const onClose = () => reject(new Error(`the connection was closed: ${text}`));
    socket.on('data', onData);
    socket.once('close', onClose);
  });
}

/** Uploads one after the other on one connection; the time of each from its first byte to the end of
 *  the response. */
async function uploads({ totalBytes, framing, count, digest = false }) {
  const times = totalBytes / WRITE_BYTES;
  const head = headOf(totalBytes, framing, digest ? 'X-Digest: 1\r\n' : '');
  const buffer = framing === 'chunked' ? chunked(payload) : payload;
  const end = framing === 'chunked' ? Buffer.from('0\r\n\r\n') : undefined;
  const socket = await open();
  const seconds = [];
  let last;
  for (let i = 0; i < count; i++) {
    const begun = performance.now();
    const answered = response(socket);
    socket.write(head);
    writeAll(socket, buffer, times, end);
    last = JSON.parse(await answered);
    seconds.push((performance.now() - begun) / 1000);
    if (last.bytes !== totalBytes) throw new Error(`${last.bytes} of ${totalBytes} bytes arrived`);
  }
  socket.destroy();
  return { seconds, sha256: last.sha256 };
}

/** Small stamped uploads. `apart`: the body is sent when the head has long arrived. */
async function stamped({ count, bodyBytes, apart }) {
  const socket = await open();
  const head = headOf(bodyBytes, 'length', 'X-Stamped: 1\r\n');
  const whole = Buffer.concat([head, payload.subarray(0, bodyBytes)]);
  const body = whole.subarray(head.length);
  for (let i = 0; i < count; i++) {
    const answered = response(socket);
    if (apart) {
      socket.write(head);
      await delay(2);
    }
    stamp(body);
    socket.write(apart ? body : whole);
    await answered;
    await delay(0);
  }
  socket.destroy();
  return {};
}

/** Small requests, one after the other on each of many connections. */
async function small({ connections, requests }) {
  const whole = Buffer.concat([
    headOf(SMALL_BYTES, 'length', 'X-Small: 1\r\n'),
    payload.subarray(0, SMALL_BYTES),
  ]);
  const sockets = await Promise.all(Array.from({ length: connections }, open));
  const result = await timedRequests(sockets, requests, async (socket) => {
    const answered = response(socket);
    socket.write(whole);
    const body = await answered;
    if (body.length !== SMALL_BYTES) throw new Error(`${body.length} bytes came back`);
  });
  for (const socket of sockets) socket.destroy();
  return result;
}

const expectedDigest = ({ totalBytes }) => digestOf(payload, totalBytes);

serveParent({}, { uploads, expectedDigest, stamped, small });
