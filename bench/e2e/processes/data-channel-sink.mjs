// What data channels are measured against: node-datachannel alone, which counts the bytes of its messages
// and does nothing else with them. Options: JSON in argv[2]; signalled by the parent.

import { PeerConnection } from 'node-datachannel';
import { serveParent } from './control.mjs';
import { described, rtcOptions } from './data-channel.mjs';
import { Receipt } from './receipt.mjs';

const receipt = new Receipt();
/** The engine keeps pointers to what garbage collection takes. */
const kept = [];

function count(channel) {
  kept.push(channel);
  channel.onMessage((message) => {
    if (typeof message !== 'string') receipt.add(message);
    else if (JSON.parse(message).type === 'end') {
      receipt.end();
      channel.sendMessage('{"type":"end"}');
    }
  });
  // As the server's windows: this one holds nobody back.
  channel.sendMessage(JSON.stringify({ type: 'window', bytes: Number.MAX_SAFE_INTEGER }));
}

serveParent(
  {},
  {
    ...receipt.handlers,
    answer: ({ sdp }) => {
      const peer = new PeerConnection('sink', rtcOptions);
      kept.push(peer);
      peer.onDataChannel(count);
      const answered = described(peer);
      peer.setRemoteDescription(sdp, 'offer');
      return answered;
    },
  },
);
