import {
  attribute,
  badSdp,
  type Description,
  isPlainCandidate,
  MAX_CANDIDATES,
  type MediaSection,
  parseDescription,
  writeDescription,
} from './description.js';
import {
  type MediaChoice,
  type OfferedTrack,
  readMediaSection,
  sourcesOf,
  unsupported,
  type VideoCodec,
} from './media-section.js';

/** An offer, reduced to what is taken of it. */
export interface Offer {
  readonly sdp: string;
  /** ICE user name fragment of the client. */
  readonly ufrag: string;
  /** At most one of each kind. */
  readonly tracks: readonly OfferedTrack[];
}

const CHANNEL_PROTOCOLS = new Set(['UDP/DTLS/SCTP', 'DTLS/SCTP', 'TCP/DTLS/SCTP']);
/** Attributes that are passed on. */
const KEPT = new Set([
  ...['mid', 'ice-ufrag', 'ice-pwd', 'ice-options', 'fingerprint', 'setup', 'candidate'],
  ...['end-of-candidates', 'sctp-port', 'max-message-size', 'sctpmap', 'sendrecv'],
]);
const KINDS = ['application', 'audio', 'video'];

/** Codecs of video that are taken. */
export const VIDEO_CODECS = ['h264', 'vp8'] as const satisfies readonly VideoCodec[];
const TAKEN: MediaChoice = { videoCodecs: VIDEO_CODECS, remb: true };

/**
 * Reads an offer of data channels, audio and video. @throws UploadResponseError BAD_SDP, UNSUPPORTED_OFFER
 */
export function readOffer(text: string, choice = TAKEN): Offer {
  const description = parseDescription(text);
  const { session, media } = description;
  const [first] = media;
  if (!first) throw badSdp('it has no media section');
  for (const { kind } of media) {
    if (!KINDS.includes(kind)) throw unsupported(`m=${kind}`);
    const count = media.filter((one) => one.kind === kind).length;
    if (count > 1) throw unsupported(`it has ${count} sections of ${kind}, one is taken`);
  }
  checkBundle(description);
  const ufrag = transportOf(first.lines, session);
  const tracks: OfferedTrack[] = [];
  const sections = media.map((section) => {
    if (section.kind === 'application') return channelSection(section);
    const { track, section: reduced } = readMediaSection(section, keptLines(section), choice);
    tracks.push(track);
    return reduced;
  });
  checkTracks(tracks, sections);
  const reduced = { session: sessionLines(description), media: sections };
  return { sdp: writeDescription(reduced), ufrag, tracks };
}

/** All sections have to be on one transport. */
function checkBundle({ session, media }: Description): void {
  const mids = media.map(({ lines }) => attribute(lines, 'mid'));
  if (mids.includes(undefined)) throw badSdp('a media section of it has no mid');
  if (media.length === 1) return;
  if (new Set(mids).size < mids.length) throw badSdp('two media sections of it have one mid');
  const bundled = session.filter(isGroup).map((line) => line.split(' ').slice(1));
  if (!bundled.some((group) => mids.every((mid) => group.includes(mid as string)))) {
    throw unsupported('its media sections are not bundled');
  }
}

/** Packets of several tracks are told apart by their sources and their payload types. */
function checkTracks(tracks: readonly OfferedTrack[], sections: readonly MediaSection[]): void {
  if (tracks.length < 2) return;
  if (new Set(tracks.map(({ payloadType }) => payloadType)).size < tracks.length) {
    throw unsupported('two tracks of it have one payload type');
  }
  const silent = sections.find((one) => one.kind !== 'application' && sourcesOf(one).length === 0);
  if (silent) throw unsupported(`its ${silent.kind} has no a=ssrc line with a cname`);
}

/** The user name fragment of a section whose transport is complete. */
function transportOf(lines: readonly string[], session: readonly string[]): string {
  const all = [...lines, ...session];
  const ufrag = attribute(all, 'ice-ufrag') ?? '';
  const password = attribute(all, 'ice-pwd') ?? '';
  if (!/^[A-Za-z0-9+/]{4,256}$/.test(ufrag) || !/^[A-Za-z0-9+/]{22,256}$/.test(password)) {
    throw badSdp('it has no ICE credentials');
  }
  if (!/^sha-(1|224|256|384|512) [0-9A-F]{2}(:[0-9A-F]{2})+$/i.test(fingerprintOf(all))) {
    throw badSdp('it has no fingerprint');
  }
  if (!/^(active|actpass)$/.test(attribute(all, 'setup') ?? '')) {
    throw badSdp('it has no a=setup that an offer may have');
  }
  return ufrag;
}

const fingerprintOf = (lines: readonly string[]): string => attribute(lines, 'fingerprint') ?? '';

function sessionLines({ session }: Description): string[] {
  return withFewCandidates(
    session.filter((line) => !line.startsWith('a=') || isKept(line) || isGroup(line)),
  );
}

const isGroup = (line: string): boolean => line.startsWith('a=group:BUNDLE');

function isKept(line: string): boolean {
  const [, name = ''] = /^a=([^:]+)/.exec(line) ?? [];
  if (name === 'candidate') return isPlainCandidate(line);
  return KEPT.has(name);
}

const keptLines = ({ lines }: MediaSection): string[] =>
  withFewCandidates(lines.filter((line) => line.startsWith('c=') || isKept(line)));

/** The engine looks at each candidate beside all others: those beyond what a client has are left out. */
function withFewCandidates(lines: readonly string[]): string[] {
  let candidates = 0;
  return lines.filter((line) => !line.startsWith('a=candidate:') || ++candidates <= MAX_CANDIDATES);
}

function channelSection(section: MediaSection): MediaSection {
  if (!CHANNEL_PROTOCOLS.has(section.protocol))
    throw unsupported(`m=application over another protocol`);
  // A section that is bundled only has no port of its own.
  return { ...section, port: section.port || 9, lines: keptLines(section) };
}
