import { randomBytes } from 'node:crypto';
import type { Permit } from '../../admission/index.js';
import { type ErrorCode, fromNative, type UploadResponseError } from '../../errors/index.js';
import {
  type Ingress,
  type IngressExchange,
  type Logger,
  Unanswered,
} from '../../ingress/index.js';
import { isKeyframe, StreamType } from '../../protocols/access-unit/index.js';
import type { Header, RequestHead } from '../../protocols/hpks/index.js';
import { RtpReceiver, type TrackStats } from '../../protocols/rtp/index.js';
import type { OfferedTrack } from '../../protocols/sdp/index.js';
import type { WebRtcConfig } from './config.js';
import type { RtcTrack } from './engine.js';
import { MediaBacklog } from './media-backlog.js';
import { UploadFacts } from './media-facts.js';

/** What published media has of its session. */
export interface MediaHost {
  readonly name: string;
  readonly ingress: Ingress;
  readonly pool: number;
  readonly config: WebRtcConfig;
  readonly head: RequestHead;
  readonly log: Logger;
  refused(error: UploadResponseError): void;
  requested(): void;
  /** The first packet has come. */
  mediaBegun(): void;
  /** Nothing of the media is under way any more. Called once. */
  mediaOver(): void;
}

/** How often gaps are looked after, and what is asked of the sender. */
const TICK_MS = 20;
/** What may be a field; longer ones would leave no room for the others in the head's slot. */
const FIELD_TEXT = /^[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?$/;

/** The tracks of a session: one request, whose body is access units. */
export class MediaUpload extends Unanswered {
  readonly #host: MediaHost;
  readonly #offered: readonly OfferedTrack[];
  readonly #receiver: RtpReceiver;
  readonly #backlog: MediaBacklog;
  readonly #facts: UploadFacts;
  readonly #tracks: RtcTrack[] = [];
  #permit: Permit | undefined;
  /** There with the first unit: what the head says of the tracks has come then. */
  #exchange: IngressExchange | undefined;
  #timer: NodeJS.Timeout | undefined;
  #heardAtMs = 0;
  /** No more packets are taken. */
  #ended = false;
  #over = false;

  constructor(host: MediaHost, tracks: readonly OfferedTrack[], permit: Permit | undefined) {
    super();
    this.#host = host;
    this.#offered = tracks;
    this.#permit = permit;
    const { keyframeIntervalMs, maxFrameBytes, mediaBudgetBytes } = host.config;
    this.#backlog = new MediaBacklog(mediaBudgetBytes);
    this.#receiver = new RtpReceiver({
      tracks: tracks.map((track) => ({ ...track, keyframeIntervalMs, maxFrameBytes })),
      ssrc: randomBytes(4).readUInt32BE(),
      cname: randomBytes(9).toString('base64url'),
    });
    const skipped = () => this.#backlog.skipped;
    this.#facts = new UploadFacts(tracks, () => this.stats(), skipped);
  }

  /** Packets come, or have come. */
  get begun(): boolean {
    return this.#timer !== undefined;
  }

  /** By the order of the offer. */
  stats(): readonly TrackStats[] {
    return this.#receiver.stats();
  }

  /** A track of the engine, which hands on RTP and RTCP of any of them. */
  attach(track: RtcTrack): void {
    this.#tracks.push(track);
  }

  /** A datagram, which does not change any more. */
  packet(datagram: Buffer): void {
    if (this.#ended) return;
    const nowMs = performance.now();
    if (!this.#timer) {
      this.#timer = setInterval(() => this.#tick(), TICK_MS);
      this.#host.mediaBegun();
    }
    this.#heardAtMs = nowMs;
    this.#write(this.#receiver.push(datagram, nowMs));
    this.#feedback(nowMs);
  }

  /** The publisher has said that this was all. */
  finish(): void {
    if (this.#ended) return;
    this.#stop();
    this.#write(this.#receiver.finish(performance.now()));
    if (this.#over) return;
    if (this.#exchange) this.#exchange.endBody(this.#losses());
    else this.#leave();
  }

  abort(code: ErrorCode): void {
    if (this.#over) return;
    this.#exchange?.abort(code);
    this.#leave();
  }

  end(): void {
    this.#leave();
  }

  fail(): void {
    this.#leave();
  }

  #open(): IngressExchange {
    const { name, ingress, pool, head } = this.#host;
    const permit = this.#permit;
    this.#permit = undefined;
    this.#host.requested();
    return ingress.open({
      transport: name,
      pool,
      head: { ...head, headers: [...head.headers, ...this.#offered.flatMap(fieldsOf)] },
      permit,
      sink: this,
      live: true,
      facts: this.#facts,
      backlog: this.#backlog,
      onResume: () => {},
    });
  }

  #tick(): void {
    const nowMs = performance.now();
    if (nowMs - this.#heardAtMs >= this.#host.config.idleTimeoutMs) {
      this.abort('CLIENT_GONE');
      return;
    }
    this.#write(this.#receiver.poll(nowMs));
    if (this.#backlog.wantsKeyframe) this.#receiver.requestKeyframe();
    this.#feedback(nowMs);
  }

  #write(units: readonly Buffer[]): void {
    try {
      for (const unit of units) {
        if (this.#over) return;
        const isVideo = unit[0] !== StreamType.opus;
        if (!this.#backlog.admits(unit, isVideo)) continue;
        this.#facts.count(unit, isVideo);
        this.#exchange ??= this.#open();
        if (isKeyframe(unit)) this.#exchange.beginKeyframe();
        // What finds no room waits, within the backlog.
        this.#exchange.writeBody(unit);
      }
    } catch (thrown) {
      const error = fromNative(thrown);
      // An exchange that is there says itself that it has failed.
      if (this.#exchange) this.#exchange.failWith(error);
      else {
        this.#host.refused(error);
        this.#leave();
      }
    }
  }

  #feedback(nowMs: number): void {
    const track = this.#tracks.find((one) => one.isOpen());
    if (this.#ended || !track) return;
    const datagram = this.#receiver.feedback(nowMs);
    if (!datagram) return;
    try {
      track.sendMessageBinary(datagram);
    } catch (err) {
      // The connection ends, which is told elsewhere.
      this.#host.log.debug({ err, transport: this.#host.name }, 'RTCP was not sent');
    }
  }

  /** What workers do not have, for the trailers. */
  #losses(): Header[] {
    const sum = (count: (track: TrackStats) => number): string =>
      String(this.stats().reduce((total, track) => total + count(track), 0));
    return [
      ['x-webrtc-lost-packets', sum((track) => track.lostPackets)],
      ['x-webrtc-dropped-frames', sum((track) => track.damagedFrames + track.undecodableFrames)],
      ['x-webrtc-skipped-units', String(this.#backlog.skipped)],
    ];
  }

  #stop(): void {
    this.#ended = true;
    clearInterval(this.#timer);
  }

  #leave(): void {
    if (this.#over) return;
    this.#stop();
    this.#over = true;
    this.#permit?.release();
    this.#permit = undefined;
    const { log, name: transport } = this.#host;
    const { skipped } = this.#backlog;
    const stream = this.#exchange?.id;
    const { malformed, unknown } = this.#receiver;
    const fields = { transport, stream, tracks: this.stats(), skipped, malformed, unknown };
    if (stream !== undefined) log.info(fields, 'media has ended');
    this.#host.mediaOver();
  }
}

/** What the head says of a track. */
function fieldsOf({ kind, codec, parameters }: OfferedTrack): Header[] {
  const fields: Header[] = [[`x-webrtc-${kind}-codec`, codec]];
  if (FIELD_TEXT.test(parameters)) {
    fields.push([`x-webrtc-${kind}-parameters`, parameters]);
  }
  return fields;
}
