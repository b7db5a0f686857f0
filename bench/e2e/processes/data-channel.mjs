// What both ends of a data channel have in common. Options: JSON in argv[2].

const { mtu } = JSON.parse(process.argv[2]);

export const rtcOptions = { iceServers: [], ...(mtu && { mtu }) };

/** Resolves with the local description when it is complete; call it before there is one. */
export function described(peer) {
  return new Promise((resolve) => {
    peer.onGatheringStateChange((state) => {
      if (state === 'complete') resolve(peer.localDescription().sdp);
    });
  });
}
