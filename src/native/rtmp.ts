import type { NativeLaneFeed } from './lane-feed.js';
import type { TrackCounts } from './track-counts.js';

/** What a receiver tells its owner; see native/rtmp/receiver.h. All but `acknowledge` and `end` stop it
 *  until `goOn`, `failed` for good. */
export type RtmpNotice =
  | {
      readonly kind: 'hello' | 'message';
      readonly type: number;
      readonly streamId: number;
      readonly payload: Buffer;
    }
  | { readonly kind: 'failed'; readonly number: number; readonly detail: string }
  | { readonly kind: 'shaken' | 'unit' | 'blocked' | 'acknowledge' | 'end' };

/** The codec configuration of a track with a number above 0. */
export interface RtmpTrackRecord {
  readonly track: number;
  readonly record: Buffer;
}

/** What is known of a publication's media; of those with several tracks what is not said of each is that of
 *  the default ones, which have the lowest number. */
export interface RtmpMedia {
  /** The newest codec configurations as they came: avcC, hvcC, av1C or vpcC; AudioSpecificConfig or
   *  OpusHead. */
  readonly videoRecord?: Buffer | undefined;
  readonly audioRecord?: Buffer | undefined;
  readonly videoTracks: readonly RtmpTrackRecord[];
  readonly audioTracks: readonly RtmpTrackRecord[];
  /** With its parameter sets as Annex B, of AV1 as units; undefined before a configuration, as what
   *  follows. */
  readonly videoCodec?: 'h264' | 'h265' | 'av1' | 'vp9' | undefined;
  readonly videoSets?: Buffer | undefined;
  readonly audioCodec?: 'aac' | 'opus' | undefined;
  /** Hz, of AAC; of HE-AAC that of its core. */
  readonly sampleRate?: number | undefined;
  readonly channels?: number | undefined;
  readonly video: TrackCounts;
  readonly audio: TrackCounts;
  /** Id of the next unit. */
  readonly units: number;
  /** Greatest time of a unit, milliseconds; undefined before the first. */
  readonly newestMs?: number | undefined;
  /** Frames before their codec configuration, or, where a stream goes on, before its first keyframe. */
  readonly droppedFrames: number;
}

/** Where a stream goes on that another connection has begun. */
export interface RtmpContinuation {
  /** Id of the next unit. */
  readonly units: number;
  /** The first time, milliseconds: none is earlier. */
  readonly startMs: number;
}

/** The parser of one connection, from the handshake to the access units. */
export interface NativeRtmpReceiver {
  /** Bytes that came in. */
  readonly received: number;
  /** Parses what was kept, and `bytes`, which may be changed. False: it stands; what is left was copied,
   *  push no more until it goes on. */
  push(bytes?: Uint8Array): boolean;
  /** No more comes. */
  endOfInput(): void;
  /** The next notice, each once; undefined: there is none. */
  next(): RtmpNotice | undefined;
  /** What the newest notice asked for is done: it may go on. Then `push()`, or the engine's `goOn`. */
  goOn(): void;
  /** Audio and video of this message stream become units from now on. */
  publish(streamId: number, after?: RtmpContinuation): void;
  unpublish(): void;
  /** Writes the units from now on, the first one at once; before it there is no notice of it. */
  lend(feed: NativeLaneFeed): void;
  /** Drops whatever comes. */
  stop(): void;
  /** An acknowledgement of so many bytes was sent. */
  acknowledged(bytes: number): void;
  media(): RtmpMedia;
}

/** The thread that reads plain sockets into receivers. */
export interface NativeRtmpEngine {
  /** Reads the socket through a descriptor of its own; its number, or 0: there is none left. */
  adopt(fd: number, receiver: NativeRtmpReceiver): number;
  /** Numbers of the sockets whose receivers have notices. */
  takeReady(): readonly number[];
  goOn(socket: number): void;
  send(socket: number, bytes: Uint8Array): void;
  /** Sends what is left, then the end. */
  end(socket: number): void;
  /** Forgets it at once. */
  closeSocket(socket: number): void;
  /** Idempotent. */
  close(): void;
}
