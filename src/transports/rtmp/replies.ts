import type { UploadResponseError } from '../../errors/index.js';
import { type AmfObject, type AmfValue, writeAmf0 } from '../../protocols/amf0/index.js';
import { chunks, control, MessageType } from '../../protocols/rtmp/index.js';

/** Chunks that we write; clients take it as a hint and write such chunks too. */
export const CHUNK_BYTES = 65_536;
/** How much a peer may send without an acknowledgement. */
export const WINDOW_BYTES = 2_500_000;

const BANDWIDTH_DYNAMIC = 2;
const STREAM_BEGIN = 0;
const PING_REQUEST = 6;
const PING_RESPONSE = 7;

/** What Enhanced RTMP lets a server say of itself. */
const RECONNECTS = 1;
const MULTITRACK = 2;
const CAN_FORWARD = 4;
const VIDEO_CODECS = ['avc1', 'hvc1', 'av01', 'vp09'];
const AUDIO_CODECS = ['mp4a', 'Opus'];

/** A command on a message stream; 0 is the connection itself. */
export function command(streamId: number, ...values: readonly AmfValue[]): Buffer {
  return chunks(MessageType.commandAmf0, streamId, writeAmf0(...values), CHUNK_BYTES);
}

/** What a client is told before anything else: without the chunk size ffmpeg stays at 128 bytes. */
export function greeting(): Buffer {
  const bandwidth = Buffer.alloc(5);
  bandwidth.writeUInt32BE(WINDOW_BYTES, 0);
  bandwidth[4] = BANDWIDTH_DYNAMIC;
  return Buffer.concat([
    control(MessageType.windowAckSize, WINDOW_BYTES),
    chunks(MessageType.setPeerBandwidth, 0, bandwidth, bandwidth.length, 2),
    control(MessageType.setChunkSize, CHUNK_BYTES),
  ]);
}

/** The answer to `connect`. `asked` is its object: what it does not speak of it is not told.
 *  `multitrack`: it may publish several tracks of a kind. */
export function connected(transaction: number, asked: AmfObject, multitrack: boolean): Buffer {
  const information: AmfObject = {
    ...status('status', 'NetConnection.Connect.Success', 'Connected.'),
    objectEncoding: 0,
  };
  if (asked.fourCcList !== undefined && asked.fourCcList !== null) {
    const forwarded = (names: readonly string[]): AmfObject =>
      Object.fromEntries(names.map((name) => [name, CAN_FORWARD]));
    information.fourCcList = [...VIDEO_CODECS, ...AUDIO_CODECS];
    information.videoFourCcInfoMap = forwarded(VIDEO_CODECS);
    information.audioFourCcInfoMap = forwarded(AUDIO_CODECS);
  }
  if (typeof asked.capsEx === 'number') {
    information.capsEx = RECONNECTS | (multitrack ? MULTITRACK : 0);
  }
  const server = { fmsVer: 'FMS/3,0,1,123', capabilities: 31 };
  return command(0, '_result', transaction, server, information);
}

/** Whether a client said that it follows `reconnectRequest`. */
export function understandsReconnect(asked: AmfObject): boolean {
  return typeof asked.capsEx === 'number' && (asked.capsEx & RECONNECTS) !== 0;
}

export function reconnectRequest(): Buffer {
  const code = 'NetConnection.Connect.ReconnectRequest';
  return command(0, 'onStatus', 0, null, status('status', code, 'The server goes.'));
}

/** `description`: for clients that act on it. */
export function connectRejected(
  transaction: number,
  error: UploadResponseError,
  description = describe(error),
): Buffer {
  const code = 'NetConnection.Connect.Rejected';
  return command(0, '_error', transaction, null, status('error', code, description));
}

/** `streamId` may be published on now. */
export function publishStarted(streamId: number): Buffer {
  const begin = Buffer.alloc(6);
  begin.writeUInt16BE(STREAM_BEGIN, 0);
  begin.writeUInt32BE(streamId, 2);
  const started = status('status', 'NetStream.Publish.Start', 'Publishing.');
  return Buffer.concat([
    chunks(MessageType.userControl, 0, begin, begin.length, 2),
    command(streamId, 'onStatus', 0, null, started),
  ]);
}

/** Publishing is over, or may not begin; clients that are told so do not try again for ever. */
export function publishFailed(streamId: number, error: UploadResponseError): Buffer {
  return command(
    streamId,
    'onStatus',
    0,
    null,
    status('error', failureCode(error), describe(error)),
  );
}

export function unpublished(streamId: number): Buffer {
  const done = status('status', 'NetStream.Unpublish.Success', 'Not publishing any more.');
  return command(streamId, 'onStatus', 0, null, done);
}

export function ping(time: number): Buffer {
  return userControl(PING_REQUEST, time);
}

/** What a message of user control wants to be answered with, if anything. */
export function pong(payload: Buffer): Buffer | undefined {
  if (payload.length < 6 || payload.readUInt16BE(0) !== PING_REQUEST) return undefined;
  return userControl(PING_RESPONSE, payload.readUInt32BE(2));
}

function userControl(event: number, value: number): Buffer {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(event, 0);
  payload.writeUInt32BE(value >>> 0, 2);
  return chunks(MessageType.userControl, 0, payload, payload.length, 2);
}

function status(level: string, code: string, description: string): AmfObject {
  return { level, code, description };
}

function failureCode({ httpStatus: http }: UploadResponseError): string {
  if (http === 401 || http === 403) return 'NetStream.Publish.Unauthorized';
  if (http === 409) return 'NetStream.Publish.BadName';
  return 'NetStream.Publish.Failed';
}

/** No detail: it may hold what only the log should. */
function describe({ code, httpStatus: http }: UploadResponseError): string {
  return `${http} ${code}`;
}
