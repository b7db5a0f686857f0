// Publishers of access units at a steady rate, as encoders send them, over one protocol. Options: JSON in
// argv[2]: `protocol`, `port`.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { writeAmf0 } from '../../../dist/protocols/amf0/index.js';
import { chunks, MessageType } from '../../../dist/protocols/rtmp/index.js';
import { serveParent } from './control.mjs';

const { protocol, port } = JSON.parse(process.argv[2]);
const STAMP_BYTES = 8;
const GROUP = 50;
const HANDSHAKE_BYTES = 1536;
const CHUNK_BYTES = 65_536;
const AVC_CONFIG = Buffer.from('014d401fffe10004674d401f01000368ee3c', 'hex');

/** So many bytes whose last ones say when they were sent: now. */
function frameOf(bytes) {
  const frame = Buffer.alloc(bytes, 0x41);
  frame.writeBigUInt64LE(process.hrtime.bigint(), bytes - STAMP_BYTES);
  return frame;
}

/** An access unit with its record. */
function unitOf(id, fps, data) {
  const head = Buffer.alloc(30);
  head[0] = 0x1b;
  head[1] = id % GROUP === 0 ? 1 : 0;
  head.writeBigUInt64BE(BigInt(id), 2);
  for (const at of [10, 18]) head.writeBigInt64BE(BigInt(Math.round((id * 1000) / fps)), at);
  head.writeUInt32BE(data.length, 26);
  return Buffer.concat([head, data]);
}

async function rtmp(index) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  let received = Buffer.alloc(0);
  const until = async (is) => {
    while (!is()) received = Buffer.concat([received, (await once(socket, 'data'))[0]]);
  };
  socket.write(Buffer.concat([Buffer.from([3]), Buffer.alloc(HANDSHAKE_BYTES)]));
  await until(() => received.length >= 1 + 2 * HANDSHAKE_BYTES);
  socket.write(received.subarray(1, 1 + HANDSHAKE_BYTES));
  const command = (stream, ...values) =>
    socket.write(chunks(MessageType.commandAmf0, stream, writeAmf0(...values), 128));
  command(0, 'connect', 1, { app: 'live' });
  command(0, 'createStream', 2, null);
  command(1, 'publish', 3, null, `publisher-${index}`, 'live');
  const size = Buffer.alloc(4);
  size.writeUInt32BE(CHUNK_BYTES);
  socket.write(chunks(MessageType.setChunkSize, 0, size, 128, 2));
  await until(() => received.includes('NetStream.Publish.Start'));
  socket.resume();
  const video = (timestamp, payload) => {
    const bytes = chunks(MessageType.video, 1, payload, CHUNK_BYTES, 4);
    bytes.writeUIntBE(timestamp, 1, 3);
    socket.write(bytes);
  };
  video(0, Buffer.concat([Buffer.from('1700000000', 'hex'), AVC_CONFIG]));
  return {
    send(id, fps, bytes) {
      const data = frameOf(bytes);
      const head = Buffer.from([id % GROUP === 0 ? 0x17 : 0x27, 1, 0, 0, 0, 0, 0, 0, 0]);
      head.writeUInt32BE(data.length, 5);
      video(Math.round((id * 1000) / fps), Buffer.concat([head, data]));
    },
    async end() {
      command(1, 'closeStream', 0, null);
      socket.end();
      if (!socket.closed) await once(socket, 'close');
    },
  };
}

async function http1(index) {
  const upload = request({ port, host: '127.0.0.1', method: 'POST', path: `/upload/${index}` });
  upload.setNoDelay(true);
  upload.flushHeaders();
  return {
    send: (id, fps, bytes) => upload.write(unitOf(id, fps, frameOf(bytes))),
    async end() {
      const answer = once(upload, 'response');
      upload.end();
      (await answer)[0].resume();
    },
  };
}

async function websocket(index) {
  const upload = new WebSocket(`ws://127.0.0.1:${port}/upload/${index}`);
  await once(upload, 'open');
  return {
    send: (id, fps, bytes) => upload.send(unitOf(id, fps, frameOf(bytes))),
    async end() {
      upload.close(1000);
      await once(upload, 'close');
    },
  };
}

/** libsrt has no Node.js client: a process of its own, which keeps its own time. */
async function srt(index) {
  const script = fileURLToPath(new URL('./srt-publisher.py', import.meta.url));
  const stdio = ['pipe', 'pipe', 'inherit'];
  const child = spawn('python3', [script, String(port), `publisher-${index}`], { stdio });
  process.once('exit', () => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const expect = async (word) => {
    const { value } = await lines.next();
    if (value !== word) throw new Error(`the SRT caller has ended before it ${word}`);
  };
  await expect('connected');
  return {
    async run({ fps, frames, bytes }) {
      child.stdin.write(`${fps} ${frames} ${bytes}\n`);
      await expect('sent');
    },
    async end() {
      // Longer than the latency for which the server keeps packets.
      await delay(1000);
      child.stdin.end('\n');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

/** One that sends `frames` frames, each in its time. */
async function publish(publisher, options, offsetMs) {
  if (publisher.run) return publisher.run(options);
  const { fps, frames, bytes } = options;
  const start = performance.now() + offsetMs;
  for (let id = 0; id < frames; id++) {
    const wait = start + (id * 1000) / fps - performance.now();
    if (wait > 0) await delay(wait);
    publisher.send(id, fps, bytes);
  }
}

const OPENERS = { rtmp, srt, http1, websocket };
let publishers = [];

serveParent(
  {},
  {
    async open({ count }) {
      for (let index = 0; index < count; index++) {
        publishers.push(await OPENERS[protocol](index));
      }
    },
    async run(options) {
      const step = 1000 / options.fps / publishers.length;
      await Promise.all(publishers.map((one, index) => publish(one, options, index * step)));
    },
    async end() {
      await Promise.all(publishers.map((one) => one.end()));
      publishers = [];
    },
  },
);
