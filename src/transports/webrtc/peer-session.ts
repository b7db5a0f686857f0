import { randomBytes } from 'node:crypto';
import type { Admission, Caller, Permit } from '../../admission/index.js';
import { UploadResponseError } from '../../errors/index.js';
import type { Ingress, Logger } from '../../ingress/index.js';
import type { RequestHead } from '../../protocols/hpks/index.js';
import type { TrackStats } from '../../protocols/rtp/index.js';
import { type Fragment, type Offer, withHostCandidates } from '../../protocols/sdp/index.js';
import type { WebRtcConfig } from './config.js';
import {
  keepObject,
  keepTrack,
  type RtcChannel,
  type RtcEngine,
  type RtcPeer,
  type RtcTrack,
} from './engine.js';
import type { MediaHost, MediaSession, MediaUpload } from './media-upload.js';
import { optionsOf } from './rtc-options.js';
import type { SessionMedia } from './session-media.js';
import { type ChannelHost, UploadChannel } from './upload-channel.js';

/** What a session has of its transport. */
export interface SessionHost extends MediaHost {
  readonly admission: Admission;
  readonly maxHeadBytes: number;
  readonly draining: boolean;
  /** Media with these counts is over. */
  counted(tracks: readonly TrackStats[]): void;
  /** Nothing of the session is left. Called once. */
  ended(session: PeerSession): void;
}

/** Who has posted an offer, and where. */
export interface SessionRequest {
  readonly room: string;
  readonly peer: string;
  /** The client has named the peer, and can come back to it. */
  readonly named: boolean;
  readonly caller: Caller;
  /** The head of its streams. */
  readonly head: RequestHead;
  readonly permit: Permit;
}

/** Candidates of one session: a client has some at a time, and gathers again when its network changes. The
 *  engine keeps them all. */
const MAX_TRICKLED = 256;
/** States of a connection that nothing follows. */
const FINAL = new Set(['disconnected', 'failed', 'closed']);

/** A peer connection: its signalling, its media, and the channels that its client opens. */
export class PeerSession implements ChannelHost, MediaSession {
  /** Cannot be guessed: whoever knows it may end the session. */
  readonly id = randomBytes(18).toString('base64url');
  readonly etag = `"${randomBytes(9).toString('base64url')}"`;
  readonly head: RequestHead;
  readonly caller: Caller;
  readonly room: string;
  readonly peer: string;
  readonly #host: SessionHost;
  readonly #rtc: RtcPeer;
  readonly #ufrag: string;
  readonly #channels = new Map<UploadChannel, RtcChannel>();
  readonly #letTracksGo: (() => void)[] = [];
  #media: MediaUpload | undefined;
  /** What of the media comes in this session. */
  #tracks: SessionMedia | undefined;
  #permit: Permit | undefined;
  #timer: NodeJS.Timeout | undefined;
  #trickled = 0;
  #connected = false;
  #ended = false;

  /** `media`: where the tracks of the offer go, if it has any. The permit is the session's from here on.
   *  @throws UploadResponseError BAD_SDP */
  constructor(
    host: SessionHost,
    engine: RtcEngine,
    offer: Offer,
    request: SessionRequest,
    media: MediaUpload | undefined,
  ) {
    const { head, caller, room, peer, permit } = request;
    this.#host = host;
    this.head = head;
    this.caller = caller;
    this.room = room;
    this.peer = peer;
    this.#ufrag = offer.ufrag;
    this.#rtc = new engine.PeerConnection(this.id, optionsOf(host.config));
    const letGo = keepObject(this.#rtc);
    this.#rtc.onStateChange(
      this.#guarded((state) => {
        if (state === 'closed') {
          letGo();
          for (const letTrackGo of this.#letTracksGo.splice(0)) letTrackGo();
        }
        this.#state(state);
      }),
    );
    this.#rtc.onDataChannel(this.#guarded((channel) => this.#channel(channel)));
    this.#rtc.onTrack(this.#guarded((track) => this.#track(track)));
    this.#media = media;
    if (media) this.#tracks = media.begin(this, offer.tracks, permit);
    else this.#permit = permit;
    this.#endAfter(host.config.connectTimeoutMs);
  }

  get name(): string {
    return this.#host.name;
  }

  get ingress(): Ingress {
    return this.#host.ingress;
  }

  get admission(): Admission {
    return this.#host.admission;
  }

  get pool(): number {
    return this.#host.pool;
  }

  get maxHeadBytes(): number {
    return this.#host.maxHeadBytes;
  }

  get config(): WebRtcConfig {
    return this.#host.config;
  }

  get log(): Logger {
    return this.#host.log;
  }

  get draining(): boolean {
    return this.#host.draining;
  }

  /** Nothing is under way. */
  get idle(): boolean {
    return this.#channels.size === 0 && !this.#tracks?.begun;
  }

  /** Its client has nothing to say of it any more. */
  get over(): boolean {
    return this.#ended && !this.#media?.waits;
  }

  /** What its media has lost so far. */
  mediaStats(): readonly TrackStats[] {
    return this.#tracks?.stats() ?? [];
  }

  /** The answer, with every candidate that was found in time. Rejects with BAD_SDP. */
  async answer({ sdp }: Offer): Promise<string> {
    const gathered = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.config.gatherTimeoutMs);
      this.#rtc.onGatheringStateChange(
        this.#guarded((state) => {
          if (state !== 'complete') return;
          clearTimeout(timer);
          resolve();
        }),
      );
    });
    try {
      this.#rtc.setRemoteDescription(sdp, 'offer');
    } catch (cause) {
      const detail = 'the engine does not take it';
      throw new UploadResponseError('BAD_SDP', detail, { cause });
    }
    await gathered;
    const answer = this.#ended ? null : this.#rtc.localDescription();
    if (!answer) throw new UploadResponseError('BAD_SDP', 'there is no answer to it');
    return withHostCandidates(answer.sdp, this.config.hostCandidates);
  }

  /** Takes candidates of the client.
   *  @throws UploadResponseError ICE_RESTART_UNSUPPORTED, BAD_SDP, UNKNOWN_SESSION */
  trickle({ ufrag, mid, candidates }: Fragment): void {
    if (this.#ended) throw new UploadResponseError('UNKNOWN_SESSION');
    if (ufrag !== undefined && ufrag !== this.#ufrag) {
      throw new UploadResponseError('ICE_RESTART_UNSUPPORTED');
    }
    this.#trickled += candidates.length;
    if (this.#trickled > MAX_TRICKLED) {
      throw new UploadResponseError('BAD_SDP', `more than ${MAX_TRICKLED} candidates of a session`);
    }
    for (const candidate of candidates) {
      try {
        this.#rtc.addRemoteCandidate(candidate, mid);
      } catch (err) {
        // Of another kind than the engine knows: the others may do.
        this.#host.log.debug({ err }, 'a candidate was not taken');
      }
    }
  }

  takePermit(): Permit | undefined {
    const permit = this.#permit;
    this.#permit = undefined;
    return permit;
  }

  refused(error: UploadResponseError): void {
    this.#host.refused(error);
  }

  requested(): void {
    this.#host.requested();
  }

  channelOver(channel: UploadChannel): void {
    this.#channels.delete(channel);
    if (this.#ended || !this.idle) return;
    if (this.draining) this.end();
    else this.#endAfter(this.config.idleTimeoutMs);
  }

  mediaBegun(): void {
    clearTimeout(this.#timer);
  }

  mediaSilent(): void {
    if (this.#channels.size === 0) this.end();
    else this.#media?.abort('CLIENT_GONE');
  }

  mediaMoved(): void {
    this.#letMediaGo();
    if (this.#ended) this.#host.ended(this);
    else this.end();
  }

  mediaOver(): void {
    this.#letMediaGo();
    if (this.#ended) this.#host.ended(this);
    // A publisher sees no other way that nobody takes what it sends.
    else if (this.idle) this.end();
  }

  /** The client has said that this was all: what it has published is complete. Idempotent. */
  finish(): void {
    this.#close('CLIENT_GONE', (media) => media.finish());
  }

  /** Ends the connection and whatever is under way on it. Idempotent. */
  end(code: 'CLIENT_GONE' | 'SHUTTING_DOWN' = 'CLIENT_GONE'): void {
    this.#close(code, (media) => {
      if (code === 'CLIENT_GONE') media.gone();
      else media.abort(code);
    });
  }

  #close(code: 'CLIENT_GONE' | 'SHUTTING_DOWN', endMedia: (media: MediaUpload) => void): void {
    if (this.#ended) {
      // It may still wait for its answer, or for its publisher.
      if (this.#media) endMedia(this.#media);
      return;
    }
    this.#ended = true;
    clearTimeout(this.#timer);
    for (const channel of [...this.#channels.keys()]) channel.closed(code);
    this.takePermit()?.release();
    try {
      this.#rtc.close();
    } catch (err) {
      this.#host.log.error({ err }, 'a peer connection did not close');
    }
    if (this.#media) endMedia(this.#media);
    else this.#host.ended(this);
  }

  #letMediaGo(): void {
    if (this.#tracks) this.#host.counted(this.#tracks.stats());
    this.#tracks = undefined;
    this.#media = undefined;
  }

  #state(state: string): void {
    if (this.#ended) return;
    if (FINAL.has(state)) this.end();
    else if (state === 'connected' && !this.#connected) {
      this.#connected = true;
      if (this.idle) this.#endAfter(this.config.idleTimeoutMs);
    }
  }

  #channel(rtc: RtcChannel): void {
    const letGo = keepObject(rtc);
    rtc.onClosed(letGo);
    if (this.#ended || this.#channels.size >= this.config.maxChannels) {
      rtc.close();
      return;
    }
    clearTimeout(this.#timer);
    const channel = new UploadChannel(this, rtc);
    this.#channels.set(channel, rtc);
    rtc.onClosed(
      this.#guarded(() => {
        letGo();
        channel.closed();
      }),
    );
    rtc.onError(this.#guarded(() => channel.closed()));
    rtc.onBufferedAmountLow(this.#guarded(() => channel.writable()));
    channel.start();
    rtc.onMessage(
      this.#guarded((message) =>
        channel.message(message instanceof ArrayBuffer ? Buffer.from(message) : message),
      ),
    );
  }

  #track(rtc: RtcTrack): void {
    const letGo = keepTrack(rtc);
    const tracks = this.#tracks;
    if (this.#ended || !tracks) {
      letGo();
      return;
    }
    this.#letTracksGo.push(letGo);
    tracks.attach(rtc);
    rtc.onMessage(this.#guarded((datagram) => tracks.packet(datagram)));
  }

  #endAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.end(), ms);
  }

  /** Whatever a callback of the engine throws would end the process. */
  #guarded<Args extends unknown[]>(callback: (...args: Args) => void): (...args: Args) => void {
    return (...args) => {
      try {
        callback(...args);
      } catch (err) {
        this.#host.log.error(
          { err, transport: this.name },
          'a WebRTC callback failed unexpectedly',
        );
      }
    };
  }
}
