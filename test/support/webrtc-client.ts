import { type DataChannel, PeerConnection } from 'node-datachannel';
import { within } from './until.js';

/** A WHIP session of node-datachannel's own client. */
export interface WhipSession {
  readonly peer: PeerConnection;
  /** Made before the offer. */
  readonly channel: DataChannel;
  readonly location: string;
  readonly etag: string;
}

/** The engine keeps pointers to what garbage collection takes. */
const kept: object[] = [];

/**
 * A client's connection with one data channel. Its offer has no candidates: the engine's client may see the
 * server's handshake before it has looked at the answer, and then does not know the certificate.
 */
export function openPeer(label = 'upload'): {
  peer: PeerConnection;
  channel: DataChannel;
  offer: Promise<string>;
} {
  const peer = new PeerConnection('client', { iceServers: [] });
  const offer = new Promise<string>((resolve) => {
    peer.onGatheringStateChange((state) => {
      if (state !== 'complete') return;
      const sdp = peer.localDescription()?.sdp ?? '';
      resolve(sdp.replace(/^a=(candidate:.*|end-of-candidates)\r\n/gm, ''));
    });
  });
  // The engine's end waits for connections that nobody has closed here.
  peer.onStateChange((state) => {
    if (state === 'closed') setImmediate(() => peer.close());
  });
  const channel = peer.createDataChannel(label);
  kept.push(peer, channel);
  return { peer, channel, offer: within(offer, 'an offer') };
}

export function postOffer(
  url: string,
  offer: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const all = { 'content-type': 'application/sdp', ...headers };
  return fetch(url, { method: 'POST', headers: all, body: offer });
}

/** Publishes to this URL of WHIP. Rejects when the answer is none. */
export async function connectWhip(url: string, label?: string): Promise<WhipSession> {
  const { peer, channel, offer } = openPeer(label);
  const response = await postOffer(url, await offer);
  const answer = await response.text();
  if (response.status !== 201) throw new Error(`${response.status} ${answer}`);
  const opened = new Promise<void>((resolve) => channel.onOpen(resolve));
  peer.setRemoteDescription(answer, 'answer');
  await within(opened, 'an open channel');
  const location = new URL(response.headers.get('location') ?? '', url).href;
  return { peer, channel, location, etag: response.headers.get('etag') ?? '' };
}

/** Everything that a channel says, in order. */
export class Heard {
  readonly texts: { readonly type: string; readonly [member: string]: unknown }[] = [];
  readonly parts: Buffer[] = [];
  closed = false;
  /** Nothing more of the answer comes. */
  ended = false;
  /** The answer is over, or the channel. */
  readonly over: Promise<void>;

  constructor(channel: DataChannel) {
    kept.push(channel);
    this.over = new Promise((done) => {
      const resolve = (): void => {
        this.ended = true;
        done();
      };
      channel.onMessage((message) => {
        if (typeof message !== 'string') {
          this.parts.push(Buffer.from(message as Buffer));
          return;
        }
        const text = JSON.parse(message);
        this.texts.push(text);
        if (text.type === 'end' || text.type === 'error') resolve();
      });
      channel.onClosed(() => {
        this.closed = true;
        resolve();
      });
    });
  }

  text(type: string) {
    return this.texts.find((one) => one.type === type);
  }

  /** Bytes that may have been sent. */
  get window(): number {
    return Number(this.texts.findLast(({ type }) => type === 'window')?.bytes ?? 0);
  }

  get body(): string {
    return Buffer.concat(this.parts).toString();
  }
}
