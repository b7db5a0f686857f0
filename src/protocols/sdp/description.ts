import { isIP } from 'node:net';
import { UploadResponseError } from '../../errors/index.js';

/** A media section of a session description (RFC 8866), as lines without their ends. */
export interface MediaSection {
  readonly kind: string;
  readonly protocol: string;
  /** Payload types, or for data channels `webrtc-datachannel`. */
  readonly formats: readonly string[];
  readonly port: number;
  /** All lines after `m=`. */
  readonly lines: readonly string[];
}

/** A session description: what stands before the first `m=`, and the rest. */
export interface Description {
  readonly session: readonly string[];
  readonly media: readonly MediaSection[];
}

/** More sections than any client of ours sends. */
const MAX_MEDIA = 16;
/** Browsers send some hundreds. Lines are looked through several times. */
const MAX_LINES = 4096;
/** More candidates than one client has: of a section, or of a fragment. */
export const MAX_CANDIDATES = 64;
const MEDIA_LINE =
  /^m=([a-z]+) (\d{1,5})(?:\/\d+)? ([A-Za-z0-9/]+) ([\x21-\x7e]+(?: [\x21-\x7e]+)*)$/;

/** The error for what is no session description, or none of WebRTC. */
export const badSdp = (detail: string): UploadResponseError =>
  new UploadResponseError('BAD_SDP', detail);

/** @throws UploadResponseError BAD_SDP */
export function parseDescription(text: string): Description {
  const lines = linesOf(text);
  if (lines[0] !== 'v=0') throw badSdp('it does not begin with v=0');
  const first = lines.findIndex((line) => line.startsWith('m='));
  const session = first < 0 ? lines : lines.slice(0, first);
  const media: { -readonly [K in keyof MediaSection]: MediaSection[K] }[] = [];
  let section: string[] = [];
  for (const line of first < 0 ? [] : lines.slice(first)) {
    if (!line.startsWith('m=')) {
      section.push(line);
      continue;
    }
    if (media.length === MAX_MEDIA) throw badSdp(`it has more than ${MAX_MEDIA} media sections`);
    const [, kind = '', port = '', protocol = '', formats = ''] = MEDIA_LINE.exec(line) ?? [];
    if (kind === '' || Number(port) > 65_535) throw badSdp('a media line is malformed');
    section = [];
    media.push({ kind, protocol, port: Number(port), formats: formats.split(' '), lines: section });
  }
  return { session, media };
}

/** Lines that may stand in SDP, and fragments of it. @throws UploadResponseError BAD_SDP */
export function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/, MAX_LINES + 1);
  if (lines.length > MAX_LINES) throw badSdp(`it has more than ${MAX_LINES} lines`);
  while (lines.at(-1) === '') lines.pop();
  for (const line of lines) {
    if (!/^[a-z]=[\x20-\x7e\x80-\uffff\t]*$/.test(line)) throw badSdp('a line is malformed');
  }
  return lines;
}

/** A description as text. */
export function writeDescription({ session, media }: Description): string {
  const lines = [...session];
  for (const { kind, port, protocol, formats, lines: own } of media) {
    lines.push(`m=${kind} ${port} ${protocol} ${formats.join(' ')}`, ...own);
  }
  return `${lines.join('\r\n')}\r\n`;
}

/** The value of the first `a=<name>:<value>`; '' for an attribute without a value. */
export function attribute(lines: readonly string[], name: string): string | undefined {
  for (const line of lines) {
    if (line === `a=${name}`) return '';
    if (line.startsWith(`a=${name}:`)) return line.slice(name.length + 3);
  }
  return undefined;
}

/** An ICE candidate (RFC 8839 section 5.1) that names its address: a name would have to be looked up. */
export function isPlainCandidate(line: string): boolean {
  const match =
    /^a=candidate:[A-Za-z0-9+/]{1,32} [12] (udp|tcp) \d{1,10} (\S+) (\d{1,5}) typ /i.exec(line);
  return match !== null && isIP(match[2] as string) !== 0 && Number(match[3]) <= 65_535;
}
