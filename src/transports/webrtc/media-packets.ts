import type { TrackStats } from '../../protocols/rtp/index.js';
import type { PacketStats } from '../transport.js';

/** RTP of all sessions since the start. */
export class MediaPackets {
  #received = 0;
  #recovered = 0;
  #lost = 0;

  /** Tracks that are over. */
  add(tracks: readonly TrackStats[]): void {
    for (const { packets, recoveredPackets, lostPackets } of tracks) {
      this.#received += packets;
      this.#recovered += recoveredPackets;
      this.#lost += lostPackets;
    }
  }

  /** With those that are under way. */
  stats(running: readonly TrackStats[]): PacketStats {
    const all = new MediaPackets();
    all.#received = this.#received;
    all.#recovered = this.#recovered;
    all.#lost = this.#lost;
    all.add(running);
    return {
      receivedTotal: all.#received,
      lostTotal: all.#recovered + all.#lost,
      droppedTotal: all.#lost,
      undecryptedTotal: 0,
      retransmittedTotal: all.#recovered,
      greatestRttMs: undefined,
    };
  }
}
