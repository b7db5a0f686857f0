// WebRTC by WHIP, with the engine's own client: a data channel, and H.264 over RTP.

import { PeerConnection, Video } from 'node-datachannel';
import { parseRtcp } from '../../../../dist/protocols/rtp/index.js';
import { described } from '../data-channel.mjs';
import { frameOf, isKey, unitOf } from './unit.mjs';

const PAYLOAD_TYPE = 96;
const SOURCE = 0x1111;
/** Of the clock of video, in a second. */
const TICKS = 90_000;
const FRAGMENT_BYTES = 1200;
/** Packets that can be sent again. */
const HISTORY = 4096;
const SPS = Buffer.from('6742c01fda014016e8', 'hex');
const PPS = Buffer.from('68ce3c80', 'hex');

/** The engine keeps pointers to what garbage collection takes. */
const kept = [];

/** Connects what has been added to `peer`. Resolves with the location of the session. */
async function connect(peer, offered, index, port) {
  const url = `http://127.0.0.1:${port}/whip/bench/${index}`;
  const sdp = await offered;
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp' },
    // Without candidates: where the server connects before the answer is read, the engine's client does
    // not know the server's certificate yet.
    body: sdp.replace(/^a=(candidate:.*|end-of-candidates)\r\n/gm, ''),
  });
  const answer = await response.text();
  if (response.status !== 201) throw new Error(`WHIP: ${response.status} ${answer}`);
  peer.setRemoteDescription(answer, 'answer');
  return new URL(response.headers.get('location'), url);
}

const opened = (one) => new Promise((resolve) => one.onOpen(resolve));

/** Small enough for one message each; far less than a window is under way. */
export async function dataChannel(index, { port }) {
  const peer = new PeerConnection(`publisher-${index}`, { iceServers: [] });
  const offered = described(peer);
  const channel = peer.createDataChannel('bench');
  kept.push(peer, channel);
  const open = opened(channel);
  const answered = new Promise((resolve, reject) => {
    channel.onMessage((message) => {
      if (typeof message !== 'string') return;
      const { type } = JSON.parse(message);
      if (type === 'end') resolve();
      if (type === 'error') reject(new Error(message));
    });
    channel.onClosed(() => reject(new Error('the channel was closed')));
  });
  answered.catch(() => {});
  await connect(peer, offered, index, port);
  await open;
  return {
    send: (id, fps, bytes) => channel.sendMessageBinary(unitOf(id, fps, bytes)),
    async end() {
      channel.sendMessage('{"type":"end"}');
      await answered;
      channel.close();
    },
  };
}

/** The payloads of one NAL unit: FU-A (RFC 6184, section 5.8). */
function fragments(nal) {
  const payloads = [];
  for (let at = 1; at < nal.length; at += FRAGMENT_BYTES) {
    const end = at + FRAGMENT_BYTES;
    const flags = (at === 1 ? 0x80 : 0) | (end >= nal.length ? 0x40 : 0);
    const heads = Buffer.from([(nal[0] & 0xe0) | 28, flags | (nal[0] & 31)]);
    payloads.push(Buffer.concat([heads, nal.subarray(at, end)]));
  }
  return payloads;
}

/** The payloads of one frame: a slice that is larger than a packet, and before a keyframe its sets. */
function payloadsOf(id, bytes) {
  const slice = frameOf(bytes);
  slice[0] = isKey(id) ? 0x65 : 0x61;
  // The picture's first macroblock.
  slice[1] = 0x80;
  return [...(isKey(id) ? [SPS, PPS] : []), ...fragments(slice)];
}

function packet(payload, sequence, timestamp, marker) {
  const head = Buffer.alloc(12);
  head[0] = 0x80;
  head[1] = PAYLOAD_TYPE | (marker ? 0x80 : 0);
  head.writeUInt16BE(sequence, 2);
  head.writeUInt32BE(timestamp >>> 0, 4);
  head.writeUInt32BE(SOURCE, 8);
  return Buffer.concat([head, payload]);
}

export async function webrtcMedia(index, { port }) {
  const peer = new PeerConnection(`publisher-${index}`, { iceServers: [] });
  const video = new Video('video', 'SendOnly');
  video.addH264Codec(PAYLOAD_TYPE, 'packetization-mode=1;profile-level-id=42e01f');
  video.addSSRC(SOURCE, 'publisher');
  const offered = described(peer);
  const track = peer.addTrack(video);
  kept.push(peer, track);
  const history = new Map();
  track.onMessage((datagram) => {
    for (const report of parseRtcp(datagram)) {
      if (report.type !== 'nack') continue;
      for (const sequence of report.sequences) {
        const again = history.get(sequence);
        if (again) track.sendMessageBinary(again);
      }
    }
  });
  const open = opened(track);
  peer.setLocalDescription();
  const location = await connect(peer, offered, index, port);
  await open;
  let next = 0;
  return {
    send(id, fps, bytes) {
      const payloads = payloadsOf(id, bytes);
      const timestamp = Math.round((id * TICKS) / fps);
      payloads.forEach((payload, i) => {
        const sequence = next++ & 0xffff;
        const datagram = packet(payload, sequence, timestamp, i === payloads.length - 1);
        history.set(sequence, datagram);
        history.delete((sequence - HISTORY) & 0xffff);
        track.sendMessageBinary(datagram);
      });
    },
    async end() {
      const response = await fetch(location, { method: 'DELETE' });
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`DELETE: ${response.status}`);
    },
  };
}
