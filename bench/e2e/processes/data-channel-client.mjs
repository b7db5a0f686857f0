// A client of data channels by node-datachannel: one connection, and a channel for each transfer, as
// docs/transports/webrtc.md has it. Options: JSON in argv[2]; signalled by the parent.

import { PeerConnection } from 'node-datachannel';
import { serveParent } from './control.mjs';
import { described, rtcOptions } from './data-channel.mjs';
import { seededBytes } from './payload.mjs';

const MESSAGE_BYTES = 64 * 1024;
/** What the engine holds of a channel: the next messages follow when half of it has left. */
const BUFFERED_BYTES = 2 ** 20;

const { seed } = JSON.parse(process.argv[2]);
const payload = seededBytes(seed);
const peer = new PeerConnection('client', rtcOptions);
/** The engine keeps pointers to what garbage collection takes. */
const kept = [];
// A channel begins the gathering, and what nobody listens for is lost.
const offered = described(peer);
let next = channelOf('first');

function channelOf(label) {
  const channel = peer.createDataChannel(label);
  kept.push(channel);
  return channel;
}

/** Without its candidates: where the server connects before the answer is read, the engine's client does
 *  not know the server's certificate yet. */
async function offer() {
  const sdp = await offered;
  return sdp.replace(/^a=(candidate:.*|end-of-candidates)\r\n/gm, '');
}

function accept({ sdp }) {
  const opened = new Promise((resolve) => next.onOpen(resolve));
  peer.setRemoteDescription(sdp, 'answer');
  return opened;
}

/** Sends so many bytes on a channel of their own. Times: from the first one until SCTP has the last.
 *  Resolves when the answer is over. */
function send({ totalBytes }) {
  const channel = next;
  return new Promise((resolve, reject) => {
    let windowBytes = 0;
    let at = 0;
    let beginNs;
    let sentNs;
    let answered = false;
    const settle = () => {
      if (sentNs === undefined || !answered) return;
      next = channelOf('next');
      next.onOpen(() => {
        channel.close();
        resolve({ beginNs: Number(beginNs), sentNs: Number(sentNs) });
      });
    };
    const fill = () => {
      beginNs ??= process.hrtime.bigint();
      while (at < totalBytes) {
        const length = Math.min(MESSAGE_BYTES, totalBytes - at);
        if (at + length > windowBytes || channel.bufferedAmount() > BUFFERED_BYTES) return;
        const from = at % payload.length;
        channel.sendMessageBinary(payload.subarray(from, from + length));
        at += length;
        if (at === totalBytes) finish();
      }
    };
    const finish = () => {
      channel.sendMessage('{"type":"end"}');
      channel.setBufferedAmountLowThreshold(0);
      if (channel.bufferedAmount() === 0) sent();
    };
    const sent = () => {
      sentNs ??= process.hrtime.bigint();
      settle();
    };
    channel.setBufferedAmountLowThreshold(BUFFERED_BYTES / 2);
    channel.onBufferedAmountLow(() => {
      if (at < totalBytes) fill();
      // What is told may be older than the last message.
      else if (channel.bufferedAmount() === 0) sent();
    });
    channel.onClosed(() => reject(new Error('the channel was closed')));
    channel.onMessage((message) => {
      if (typeof message !== 'string') return;
      const { type, bytes } = JSON.parse(message);
      if (type === 'window') {
        windowBytes = bytes;
        fill();
      } else if (type === 'error') reject(new Error(message));
      else if (type === 'end') {
        answered = true;
        settle();
      }
    });
  });
}

serveParent({}, { offer, accept, send });
