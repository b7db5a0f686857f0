// RTMP and RTMPS: H.264, or with `audio` AAC alone.

import { once } from 'node:events';
import { MessageType } from '../../../../dist/protocols/rtmp/index.js';
import { RtmpSession } from '../rtmp-session.mjs';
import { frameOf, isKey, timeOf } from './unit.mjs';

const CHUNK_BYTES = 65_536;
const AVC_CONFIG = Buffer.from('1700000000014d401fffe10004674d401f01000368ee3c', 'hex');
/** AAC-LC, 44100 Hz, two channels. */
const AAC_CONFIG = Buffer.from('af001210', 'hex');
/** What the server puts before a frame of AAC. */
const ADTS_BYTES = 7;

const kinds = {
  video: {
    type: MessageType.video,
    config: AVC_CONFIG,
    payload(id, bytes) {
      const head = Buffer.from([isKey(id) ? 0x17 : 0x27, 1, 0, 0, 0, 0, 0, 0, 0]);
      head.writeUInt32BE(bytes, 5);
      return Buffer.concat([head, frameOf(bytes)]);
    },
  },
  audio: {
    type: MessageType.audio,
    config: AAC_CONFIG,
    payload: (_, bytes) => Buffer.concat([Buffer.from([0xaf, 1]), frameOf(bytes - ADTS_BYTES)]),
  },
};

/** `secure`: RTMPS. */
export async function rtmp(index, { port, secure, audio }) {
  const key = `publisher-${index}`;
  const session = await RtmpSession.publish({ port, secure, key, chunkBytes: CHUNK_BYTES });
  const { socket } = session;
  const { type, config, payload } = kinds[audio ? 'audio' : 'video'];
  socket.write(session.media(type, 0, config));
  return {
    send: (id, fps, bytes) =>
      socket.write(session.media(type, timeOf(id, fps), payload(id, bytes))),
    async end() {
      const closed = once(socket, 'close');
      socket.end(session.closeStream());
      await closed;
    },
  };
}
