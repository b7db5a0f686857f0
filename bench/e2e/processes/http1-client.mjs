// HTTP/1.1 over a raw socket; everything that is sent is built before the clock starts. Options: JSON in
// argv[2].

import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { options, payload, serveClient } from './client.mjs';
import { writeAll } from './payload.mjs';
import { stamp } from './samples.mjs';

const { port, scheme, path } = options;
const HTTP_CHUNK_BYTES = 64 * 1024;

/** Bytes as HTTP chunks. */
function chunked(bytes) {
  const parts = [];
  for (let at = 0; at < bytes.length; at += HTTP_CHUNK_BYTES) {
    const part = bytes.subarray(at, at + HTTP_CHUNK_BYTES);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

function headOf(length, framing, headers) {
  const lines = [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    framing === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
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

/** A body of one piece goes out together with its head. */
function request({ bytes, times, framing, headers }) {
  const head = headOf(bytes.length * times, framing, headers);
  const body = framing === 'chunked' ? chunked(bytes) : bytes;
  const last = framing === 'chunked' ? Buffer.concat([body, Buffer.from('0\r\n\r\n')]) : body;
  const whole = times === 1 ? Buffer.concat([head, last]) : undefined;
  return (socket) => {
    const answered = response(socket);
    if (whole) socket.write(whole);
    else {
      socket.write(head);
      writeAll(times, (isLast, taken) => socket.write(isLast ? last : body, taken));
    }
    return answered;
  };
}

/** Small stamped uploads. `apart`: the body is sent when the head has long arrived. */
async function stamped({ count, bodyBytes, apart }) {
  const socket = await open();
  const head = headOf(bodyBytes, 'length', { 'X-Stamped': '1' });
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

serveClient({ open, request, close: (socket) => socket.destroy() }, { stamped });
