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
import type { OfferedTrack } from '../../protocols/sdp/index.js';
import type { Identity } from '../grace.js';
import type { WebRtcConfig } from './config.js';
import { MediaBacklog } from './media-backlog.js';
import { UploadFacts } from './media-facts.js';
import { type Losses, SessionMedia } from './session-media.js';

/** What published media has of its transport. */
export interface MediaHost {
  readonly name: string;
  readonly ingress: Ingress;
  readonly pool: number;
  readonly config: WebRtcConfig;
  readonly log: Logger;
  refused(error: UploadResponseError): void;
  requested(): void;
  /** A session sends it from now on, or is about to. */
  publishes(media: MediaUpload): void;
  /** Its publisher may come back: then it is begun again, else aborted. False: it may not. */
  keep(media: MediaUpload): boolean;
  /** Nobody can go on with it. Called once, or more often. */
  published(media: MediaUpload): void;
}

/** The session that media comes from. */
export interface MediaSession {
  /** The first packet has come. */
  mediaBegun(): void;
  /** No packet has come for a long time. */
  mediaSilent(): void;
  /** The media goes on in another session. Nothing more is called. */
  mediaMoved(): void;
  /** Nothing of the media is under way any more. Nothing more is called. */
  mediaOver(): void;
  /** Ends it. */
  end(): void;
}

/** Who publishes, and what its stream begins with. */
export interface MediaOrigin {
  readonly identity: Identity;
  /** Under which name the publisher can come back; undefined: under none. */
  readonly place: string | undefined;
  readonly head: RequestHead;
}

/** What may be a field; longer ones would leave no room for the others in the head's slot. */
const FIELD_TEXT = /^[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?$/;
const NOTHING: Losses = { packets: 0, frames: 0 };

/** What a publisher sends, in one session or in several, one after the other: one request, whose body is
 *  access units. */
export class MediaUpload extends Unanswered {
  readonly identity: Identity;
  readonly place: string | undefined;
  readonly #host: MediaHost;
  readonly #head: RequestHead;
  readonly #offered: readonly OfferedTrack[];
  readonly #backlog: MediaBacklog;
  readonly #facts: UploadFacts;
  #session: MediaSession | undefined;
  #media: SessionMedia | undefined;
  #permit: Permit | undefined;
  /** There with the first unit: what the head says of the tracks has come then. */
  #exchange: IngressExchange | undefined;
  /** Of the sessions before this one. */
  #before = NOTHING;
  /** The publisher has gone, and nothing has come of it since. */
  #away = false;
  /** No more packets are taken. */
  #ended = false;
  #over = false;

  constructor(host: MediaHost, origin: MediaOrigin, tracks: readonly OfferedTrack[]) {
    super();
    this.#host = host;
    this.identity = origin.identity;
    this.place = origin.place;
    this.#head = origin.head;
    this.#offered = tracks;
    this.#backlog = new MediaBacklog(host.config.mediaBudgetBytes);
    const skipped = () => this.#backlog.skipped;
    this.#facts = new UploadFacts(tracks, () => this.#losses.frames, skipped);
  }

  /** It is open, and more may come: who comes back can go on with it. */
  get canGoOn(): boolean {
    return this.#exchange !== undefined && !this.#ended;
  }

  /** Its publisher has gone, and may come back. */
  get waits(): boolean {
    return this.#away && !this.#ended;
  }

  /** Whether these are the tracks that workers were told of. */
  has(tracks: readonly OfferedTrack[]): boolean {
    const codecsOf = (all: readonly OfferedTrack[]) => all.map(({ codec }) => codec).sort();
    return codecsOf(tracks).join() === codecsOf(this.#offered).join();
  }

  /** It comes from this session from now on: the first one, or one after the publisher had gone. The permit
   *  is the media's. */
  begin(session: MediaSession, tracks: readonly OfferedTrack[], permit: Permit): SessionMedia {
    const { config, log } = this.#host;
    const before = this.#session;
    this.#before = this.#losses;
    this.#session = session;
    this.#permit = permit;
    const media = new SessionMedia(config, log, tracks, this.#media?.reached, {
      begun: () => this.#begun(),
      units: (units) => this.#write(units),
      silent: () => this.#session?.mediaSilent(),
      wantsKeyframe: () => this.#backlog.wantsKeyframe,
      isBehind: () => this.#backlog.isBehind,
    });
    this.#media = media;
    this.#host.publishes(this);
    before?.mediaMoved();
    return media;
  }

  /** The publisher is back before its session has been missed, which is ended. */
  breakOff(): void {
    this.#session?.end();
  }

  /** The session has ended, without a word of the publisher. */
  gone(): void {
    if (this.canGoOn && this.#host.keep(this)) this.#wait();
    else this.abort('CLIENT_GONE');
  }

  /** The publisher has said that this was all. */
  finish(): void {
    if (this.#ended) return;
    this.#write(this.#media?.finish() ?? []);
    if (this.#over) return;
    this.#ended = true;
    this.#host.published(this);
    if (this.#exchange) this.#exchange.endBody(this.#trailers());
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
    const { name, ingress, pool } = this.#host;
    this.#host.requested();
    return ingress.open({
      transport: name,
      pool,
      head: {
        ...this.#head,
        headers: [...this.#head.headers, ...this.#offered.flatMap(fieldsOf)],
      },
      // The ingress releases it; a second time does nothing.
      permit: this.#permit,
      sink: this,
      live: true,
      facts: this.#facts,
      backlog: this.#backlog,
      onResume: () => {},
    });
  }

  #begun(): void {
    this.#session?.mediaBegun();
    if (!this.#away) return;
    this.#away = false;
    this.#exchange?.goOn();
    this.#facts.continued();
    const { log, name: transport } = this.#host;
    log.info({ transport, stream: this.#exchange?.id }, 'a publisher has come back');
  }

  /** Its places are free meanwhile: the publisher will need them to come back. */
  #wait(): void {
    this.#write(this.#media?.finish() ?? []);
    if (this.#over) return;
    this.#permit?.release();
    if (this.#away) return;
    this.#away = true;
    this.#exchange?.hold();
    this.#facts.gone();
    this.#logSession('a publisher has gone and may come back');
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

  /** Over all sessions. */
  get #losses(): Losses {
    const { packets, frames } = this.#media?.losses ?? NOTHING;
    return { packets: this.#before.packets + packets, frames: this.#before.frames + frames };
  }

  /** What workers do not have. */
  #trailers(): Header[] {
    const { packets, frames } = this.#losses;
    return [
      ['x-webrtc-lost-packets', String(packets)],
      ['x-webrtc-dropped-frames', String(frames)],
      ['x-webrtc-skipped-units', String(this.#backlog.skipped)],
    ];
  }

  #logSession(message: string): void {
    const stream = this.#exchange?.id;
    if (stream === undefined) return;
    const { log, name: transport } = this.#host;
    const { skipped } = this.#backlog;
    const tracks = this.#media?.stats();
    log.info({ transport, stream, tracks, skipped, ...this.#media?.strays }, message);
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#ended = true;
    this.#media?.finish();
    this.#permit?.release();
    this.#logSession('media has ended');
    this.#host.published(this);
    this.#session?.mediaOver();
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
