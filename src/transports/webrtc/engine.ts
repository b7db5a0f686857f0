import { createRequire } from 'node:module';
import { fromNative, UploadResponseError } from '../../errors/index.js';

/** What is used of node-datachannel, as its types have it. Whatever a callback throws ends the process:
 *  see `guarded`. */
export interface RtcEngine {
  readonly PeerConnection: new (name: string, config: RtcOptions) => RtcPeer;
  /** Closes everything of the process, and waits for the threads: at most ten seconds. */
  cleanup(): void;
}

export interface RtcOptions {
  readonly iceServers: readonly string[];
  readonly bindAddress?: string;
  readonly enableIceUdpMux?: boolean;
  readonly portRangeBegin?: number;
  readonly portRangeEnd?: number;
  readonly maxMessageSize?: number;
  readonly mtu?: number;
}

export interface RtcPeer {
  setRemoteDescription(sdp: string, type: 'offer'): void;
  localDescription(): { readonly sdp: string } | null;
  addRemoteCandidate(candidate: string, mid: string): void;
  onStateChange(callback: (state: string) => void): void;
  onGatheringStateChange(callback: (state: string) => void): void;
  onDataChannel(callback: (channel: RtcChannel) => void): void;
  onTrack(callback: (track: RtcTrack) => void): void;
  close(): void;
}

export interface RtcChannel {
  getLabel(): string;
  isOpen(): boolean;
  /** Copies what it is given. */
  sendMessageBinary(bytes: Uint8Array): boolean;
  sendMessage(text: string): boolean;
  bufferedAmount(): number;
  /** What the client takes. */
  maxMessageSize(): number;
  setBufferedAmountLowThreshold(bytes: number): void;
  onOpen(callback: () => void): void;
  onClosed(callback: () => void): void;
  onError(callback: (error: string) => void): void;
  onBufferedAmountLow(callback: () => void): void;
  onMessage(callback: (message: string | Buffer | ArrayBuffer) => void): void;
  close(): void;
}

/** Without a handler a track hands on RTP and RTCP as they come. */
export interface RtcTrack {
  mid(): string;
  isOpen(): boolean;
  sendMessageBinary(packet: Buffer): boolean;
  onOpen(callback: () => void): void;
  onClosed(callback: () => void): void;
  onMessage(callback: (packet: Buffer) => void): void;
  close(): void;
}

const PACKAGE = 'node-datachannel';

const require = createRequire(import.meta.url);

/** What the engine still uses. It keeps pointers to objects that have not said that they are closed, also
 *  when garbage collection has taken them. */
const kept = new Set<object>();

/** Keeps an object of the engine until what it returns is called: when the object has said that it is
 *  closed. */
export function keepObject(object: object): () => void {
  kept.add(object);
  // The engine still does something with it after the callback.
  return () => void setImmediate(() => kept.delete(object));
}

/** Tracks whose callbacks the engine keeps, and the process with them, until they are closed from here. */
const tracks = new Set<RtcTrack>();
/** When a connection has said that it is closed, the engine may still be in a callback of its tracks. */
const TRACK_CLOSE_DELAY_MS = 1000;

/** Keeps a track until it has said that it is closed, and closes it when what is returned is called: when
 *  its connection has said that it is closed. */
export function keepTrack(track: RtcTrack): () => void {
  tracks.add(track);
  track.onClosed(keepObject(track));
  return () => void setTimeout(() => closeTrack(track), TRACK_CLOSE_DELAY_MS).unref();
}

function closeTrack(track: RtcTrack): void {
  if (tracks.delete(track)) track.close();
}

let loaded: RtcEngine | undefined;
let users = 0;

/** Loads the engine once. @throws UploadResponseError WEBRTC_UNAVAILABLE */
export function loadEngine(): RtcEngine {
  loaded ??= load();
  return loaded;
}

/** The engine for a transport that runs; call what it returns with it when the transport is closed. */
export function useEngine(): { readonly engine: RtcEngine; readonly leave: () => void } {
  const engine = loadEngine();
  users++;
  let left = false;
  const leave = (): void => {
    if (left) return;
    left = true;
    // Its threads would keep the process from ending.
    if (--users > 0) return;
    engine.cleanup();
    for (const track of [...tracks]) closeTrack(track);
    kept.clear();
  };
  return { engine, leave };
}

/** What keeps WebRTC from being served by so many server processes on this machine; undefined: nothing.
 *  A session lives in one process, and its client's next request may come to another. */
export function webRtcProblem(processes: number): UploadResponseError | undefined {
  if (processes > 1) {
    return new UploadResponseError('WEBRTC_UNAVAILABLE', 'server.processes is more than 1');
  }
  try {
    loadEngine();
    return undefined;
  } catch (error) {
    return fromNative(error);
  }
}

function load(): RtcEngine {
  let path: string;
  try {
    path = require.resolve(PACKAGE);
  } catch (cause) {
    throw new UploadResponseError('WEBRTC_UNAVAILABLE', `${PACKAGE} is not installed`, { cause });
  }
  try {
    return require(path) as RtcEngine;
  } catch (cause) {
    const [reason = ''] = (cause as Error).message.split('\n');
    const where = `${process.platform}-${process.arch}`;
    const detail = `the binary of ${PACKAGE} does not load on ${where}: ${reason}`;
    throw new UploadResponseError('WEBRTC_UNAVAILABLE', detail, { cause });
  }
}
