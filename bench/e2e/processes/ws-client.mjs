// WebSocket over a raw socket, with many exchanges on a connection (docs/transports/websocket.md); every
// frame is built and masked before the clock starts. Options: JSON in argv[2].

import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { options, serveClient } from './client.mjs';
import { writeAll } from './payload.mjs';

const { port, scheme, path } = options;
const TEXT = 1;
const BINARY = 2;
const MASK = Buffer.from('8a1f63d7', 'hex');

/** A frame as clients send it (RFC 6455 section 5.2). */
function frameOf(opcode, payload) {
  const { length } = payload;
  let head;
  if (length < 126) head = Buffer.from([0x80 | opcode, 0x80 | length]);
  else if (length < 65_536) head = Buffer.from([0x80 | opcode, 0xfe, length >> 8, length & 0xff]);
  else {
    head = Buffer.from([0x80 | opcode, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(length, 6);
  }
  const masked = Buffer.from(payload);
  for (let i = 0; i < length; i++) masked[i] ^= MASK[i % 4];
  return Buffer.concat([head, MASK, masked]);
}

const textOf = (message) => frameOf(TEXT, Buffer.from(JSON.stringify(message)));
const END = textOf({ type: 'end' });

async function open() {
  const where = { port, host: '127.0.0.1', rejectUnauthorized: false };
  const socket = scheme === 'wss' ? connectTls(where) : connect(where);
  socket.setNoDelay(true);
  await once(socket, scheme === 'wss' ? 'secureConnect' : 'connect');
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: upload-response.v1',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  let head = '';
  while (!head.endsWith('\r\n\r\n')) head += String(await once(socket, 'data'));
  if (!head.startsWith('HTTP/1.1 101')) throw new Error(head);
  return socket;
}

/** Reads one answer: text frames with its head and its end, binary ones between them. */
function answer(socket) {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    let body = '';
    const finish = (error) => {
      socket.off('data', onData);
      socket.off('close', onClose);
      if (error) reject(error);
      else resolve(body);
    };
    const onClose = () => finish(new Error(`the connection was closed: ${body}`));
    const onData = (chunk) => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      while (bytes.length >= 2) {
        const short = bytes[1];
        const start = short < 126 ? 2 : 4;
        const length = short < 126 ? short : bytes.readUInt16BE(2);
        if (bytes.length < start + length) return;
        const text = bytes.toString('latin1', start, start + length);
        const opcode = bytes[0] & 0x0f;
        bytes = bytes.subarray(start + length);
        if (opcode === BINARY) body += text;
        else if (opcode !== TEXT || JSON.parse(text).type === 'error') finish(new Error(text));
        else if (JSON.parse(text).type === 'end') finish();
      }
    };
    socket.on('data', onData);
    socket.once('close', onClose);
  });
}

/** A body of one piece goes out together with its messages. */
function request({ bytes, times, framing, headers }) {
  const length = framing === 'length' ? bytes.length * times : undefined;
  const head = textOf({ type: 'open', headers: Object.entries(headers), length });
  const body = frameOf(BINARY, bytes);
  const last = Buffer.concat([body, END]);
  const whole = times === 1 ? Buffer.concat([head, last]) : undefined;
  return (socket) => {
    const answered = answer(socket);
    if (whole) socket.write(whole);
    else {
      socket.write(head);
      writeAll(times, (isLast, taken) => socket.write(isLast ? last : body, taken));
    }
    return answered;
  };
}

serveClient({ open, request, close: (socket) => socket.destroy() });
