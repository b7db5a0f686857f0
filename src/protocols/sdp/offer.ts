import { UploadResponseError } from '../../errors/index.js';
import {
  attribute,
  badSdp,
  type Description,
  isPlainCandidate,
  type MediaSection,
  parseDescription,
  writeDescription,
} from './description.js';

/** An offer, reduced to what is taken of it. */
export interface Offer {
  readonly sdp: string;
  /** ICE user name fragment of the client. */
  readonly ufrag: string;
}

const CHANNEL_PROTOCOLS = new Set(['UDP/DTLS/SCTP', 'DTLS/SCTP', 'TCP/DTLS/SCTP']);
/** Attributes that are passed on. */
const KEPT = new Set([
  ...['mid', 'ice-ufrag', 'ice-pwd', 'ice-options', 'fingerprint', 'setup', 'candidate'],
  ...['end-of-candidates', 'sctp-port', 'max-message-size', 'sctpmap', 'sendrecv'],
]);

/**
 * Reads an offer of data channels. @throws UploadResponseError BAD_SDP, UNSUPPORTED_OFFER
 */
export function readOffer(text: string): Offer {
  const description = parseDescription(text);
  const { session, media } = description;
  const [section] = media;
  if (!section) throw badSdp('it has no media section');
  const other = media.find(({ kind }) => kind !== 'application');
  if (other) throw unsupported(`m=${other.kind}`);
  if (media.length > 1) throw unsupported('it has two sections for data channels');
  if (attribute(section.lines, 'mid') === undefined) throw badSdp('its media section has no mid');
  const ufrag = transportOf(section.lines, session);
  const reduced = { session: sessionLines(description), media: [channelSection(section)] };
  return { sdp: writeDescription(reduced), ufrag };
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
  return session.filter((line) => !line.startsWith('a=') || isKept(line) || isGroup(line));
}

const isGroup = (line: string): boolean => line.startsWith('a=group:BUNDLE');

function isKept(line: string): boolean {
  const [, name = ''] = /^a=([^:]+)/.exec(line) ?? [];
  if (name === 'candidate') return isPlainCandidate(line);
  return KEPT.has(name);
}

function channelSection(section: MediaSection): MediaSection {
  if (!CHANNEL_PROTOCOLS.has(section.protocol))
    throw unsupported(`m=application over another protocol`);
  return {
    ...section,
    lines: section.lines.filter((line) => line.startsWith('c=') || isKept(line)),
  };
}

function unsupported(detail: string): UploadResponseError {
  return new UploadResponseError('UNSUPPORTED_OFFER', detail);
}
