import type { Caller, ClientCertificate } from '../../admission/index.js';
import { hostPort } from '../../protocols/address.js';
import type { Header, RequestHead } from '../../protocols/hpks/index.js';
import { inPath } from '../../protocols/path.js';
import type { RtmpMedia, RtmpTrackRecord } from '../../ring/index.js';

/** What a publisher wants to publish. The key, and what the query holds, are secrets. */
export interface Target {
  readonly app: string;
  readonly key: string;
  /** Parameters after the app and after the key; '' without any. */
  readonly query: string;
  /** Who has shown that it is this one. */
  readonly user?: { readonly name: string; readonly password: string } | undefined;
  /** Of a client that TLS has verified. */
  readonly certificate?: ClientCertificate | undefined;
  readonly peer: string;
  readonly peerPort: number;
}

/** What is known of the tracks before the first frame. */
export type TrackRecords = Pick<
  RtmpMedia,
  'videoRecord' | 'audioRecord' | 'videoTracks' | 'audioTracks'
>;

/** Fields that are longer would leave no room for the others in the head's slot. */
const MAX_FIELD_BYTES = 4096;
/** The same of all tracks with a number, together. */
const MAX_TRACKS_BYTES = 8192;

/** Takes apart what `connect` and `publish` name: each may carry parameters. */
export function targetOf(app: string, name: string, peer: string, peerPort: number): Target {
  const [plainApp, appQuery] = divide(app);
  const [key, keyQuery] = divide(name);
  const query = [appQuery, keyQuery].filter((one) => one !== '').join('&');
  return { app: plainApp.replace(/^\/+|\/+$/g, ''), key, query, peer, peerPort };
}

/** Who it is, as admission wants it. */
export function callerOf(transport: string, target: Target): Caller {
  const [user, password] = target.user
    ? [target.user.name, target.user.password]
    : credentialsIn(new URLSearchParams(target.query));
  return {
    transport,
    peer: target.peer,
    method: 'POST',
    path: pathOf(target),
    query: target.query,
    user,
    password,
    streamKey: target.key,
    certificate: target.certificate,
  };
}

/** User and password of a query; undefined where they are not there or empty. */
export function credentialsIn(
  parameters: URLSearchParams,
): [user: string | undefined, password: string | undefined] {
  const either = (...names: string[]) =>
    names.map((name) => parameters.get(name)).find((value) => value) ?? undefined;
  return [either('user', 'username'), either('pass', 'password')];
}

/** What stands behind the app's name in `connect`. */
export function queryOf(app: string): string {
  return divide(app)[1];
}

/** The head that workers see: that of the origin, and the tracks where they are known. `metadata`: onMetaData
 *  as JSON. */
export function headOf(
  target: Target,
  { videoRecord, audioRecord, videoTracks, audioTracks }: TrackRecords,
  metadata: string | undefined,
): RequestHead {
  const { app, key, peer, peerPort } = target;
  const address = hostPort(peer, peerPort);
  const headers: Header[] = [
    ['x-rtmp-app', fieldText(app)],
    ['x-rtmp-stream-key', fieldText(key)],
    ['x-peer-addr', address],
  ];
  const add = (name: string, value: string | undefined) => {
    if (value !== undefined && value.length <= MAX_FIELD_BYTES) headers.push([name, value]);
  };
  add('x-rtmp-video-config', videoRecord?.toString('base64'));
  add('x-rtmp-audio-config', audioRecord?.toString('base64'));
  add('x-rtmp-metadata', metadata);
  let left = MAX_TRACKS_BYTES;
  const addTracks = (name: string, tracks: readonly RtmpTrackRecord[]) => {
    for (const { track, record } of tracks) {
      const value = record.toString('base64');
      if (value.length > Math.min(left, MAX_FIELD_BYTES)) continue;
      left -= value.length;
      add(`${name}-${track}`, value);
    }
  };
  addTracks('x-rtmp-video-config', videoTracks);
  addTracks('x-rtmp-audio-config', audioTracks);
  return { kind: 'request', version: 1, method: 'POST', path: pathOf(target), headers };
}

function pathOf({ app, key }: Target): string {
  return `/rtmp/${inPath(app)}/${inPath(key)}`;
}

function divide(text: string): [plain: string, query: string] {
  const at = text.indexOf('?');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** UTF-8, as a field carries it; control characters as in a URL. */
function fieldText(text: string): string {
  const bytes = Buffer.from(text).toString('latin1');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what may not be in a field.
  return bytes.replace(/[\x00-\x1f\x7f]/g, encodeURIComponent).trim();
}
