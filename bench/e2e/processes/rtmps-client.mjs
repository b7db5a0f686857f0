// The client of the RTMPS rows of the table 'media': publishes frames of H.264 that were cut into chunks
// before the clock starts, over TLS by Node.js; `raw`: as many bytes without a word of RTMP. It is done when
// the server has said so; `untilClose`: when it has closed the connection after its end; `raw`: when Node.js
// has written everything. Options: JSON in argv[2]: `port`, `seed`, `unitBytes`, `chunkBytes`, `end`.

import { once } from 'node:events';
import { MessageType } from '../../../dist/protocols/rtmp/index.js';
import { serveParent } from './control.mjs';
import { seededBytes, WRITE_BYTES, writeAll } from './payload.mjs';
import { connectSocket, RtmpSession } from './rtmp-session.mjs';

const UNIT_HEAD_BYTES = 30;
const START_CODE_BYTES = 4;
/** Frames from one keyframe to the next; the parameter sets that each keyframe's unit gets. */
const GROUP = 16;
const CONFIG = Buffer.from('1700000000014d401fffe1000267aa01000268ee', 'hex');
const SETS_BYTES = 2 * (START_CODE_BYTES + 2);

const { port, seed, unitBytes, chunkBytes, end } = JSON.parse(process.argv[2]);
const content = seededBytes(seed);

/** A frame whose unit has `unitBytes`. */
function frameOf(key) {
  const nalBytes = unitBytes - UNIT_HEAD_BYTES - START_CODE_BYTES - (key ? SETS_BYTES : 0);
  const head = Buffer.from([key ? 0x17 : 0x27, 1, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(nalBytes, 5);
  return Buffer.concat([head, content.subarray(0, nalBytes)]);
}

/** `parts`, again and again. Resolves when Node.js has taken the last of it, with the bytes written. */
function write(socket, parts, times) {
  return new Promise((resolve) => {
    let next = 0;
    let bytes = 0;
    writeAll(times, (last, taken) => {
      const part = parts[next++ % parts.length];
      bytes += part.length;
      socket.write(part, last ? () => resolve(bytes) : taken);
    });
  });
}

async function sendRaw(totalBytes) {
  const socket = await connectSocket(port, true);
  socket.resume();
  const beginNs = process.hrtime.bigint();
  await write(socket, [content], totalBytes / WRITE_BYTES);
  const sentNs = process.hrtime.bigint();
  socket.end();
  await once(socket, 'close');
  return { beginNs: Number(beginNs), sentNs: Number(sentNs) };
}

/** A group of frames in writes that are as long as those of every other client. */
function groupOf(session) {
  const frame = (_, i) => session.media(MessageType.video, 0, frameOf(i === 0));
  const frames = Array.from({ length: GROUP }, frame);
  const each = WRITE_BYTES / unitBytes;
  return Array.from({ length: GROUP / each }, (_, i) =>
    Buffer.concat(frames.slice(i * each, (i + 1) * each)),
  );
}

async function sendUnits(totalBytes) {
  const session = await RtmpSession.publish({ port, secure: true, key: 'key', chunkBytes });
  const { socket } = session;
  const group = groupOf(session);
  const config = session.media(MessageType.video, 0, CONFIG);
  const last = session.closeStream();
  socket.write(config);
  const beginNs = process.hrtime.bigint();
  const bytes = await write(socket, group, totalBytes / WRITE_BYTES);
  const closed = once(socket, 'close');
  const done = end === 'close' ? closed : session.until('NetStream.Unpublish.Success');
  socket.write(last);
  if (end === 'close') socket.end();
  await done;
  const sentNs = process.hrtime.bigint();
  socket.end();
  await closed;
  const wireBytes = config.length + bytes + last.length;
  return { beginNs: Number(beginNs), sentNs: Number(sentNs), wireBytes };
}

serveParent(
  {},
  { send: ({ totalBytes }) => (end === 'raw' ? sendRaw(totalBytes) : sendUnits(totalBytes)) },
);
