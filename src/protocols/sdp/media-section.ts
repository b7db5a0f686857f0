import { UploadResponseError } from '../../errors/index.js';
import type { MediaSection } from './description.js';

/** Codecs whose packets are understood, by the names of the configuration. */
export type MediaCodec = 'h264' | 'opus' | 'vp8';
export type VideoCodec = Exclude<MediaCodec, 'opus'>;

/** A track that an offer has, with the one codec that is taken of it. */
export interface OfferedTrack {
  readonly kind: 'audio' | 'video';
  readonly codec: MediaCodec;
  readonly payloadType: number;
  /** Of the time stamps, in Hz. */
  readonly clockRate: number;
  /** The codec's `a=fmtp`; '' without one. */
  readonly parameters: string;
  /** The sender takes NACKs. */
  readonly nack: boolean;
  /** How the sender is asked for a keyframe; undefined: not at all. */
  readonly keyframeRequest: 'fir' | 'pli' | undefined;
  /** The sender takes REMB, and the answer says that it is sent. */
  readonly remb: boolean;
  /** NAL units of `sprop-parameter-sets` (RFC 6184 section 8.1). */
  readonly parameterSets: readonly Buffer[];
}

/** Encodings as `a=rtpmap` has them. */
const ENCODINGS: Readonly<Record<MediaCodec, string>> = {
  h264: 'h264/90000',
  opus: 'opus/48000/2',
  vp8: 'vp8/90000',
};
const NAMES: Readonly<Record<MediaCodec, string>> = { h264: 'H.264', opus: 'Opus', vp8: 'VP8' };
/** A payload type has one spelling: what follows looks for the number. */
const PAYLOAD_TYPE = /^(?:0|[1-9]\d{0,2})$/;
const PROTOCOL = /^(UDP|TCP)\/TLS\/RTP\/SAVPF?$/;
/** Feedback that is sent. Retransmissions come in the stream itself, since RTX is not taken. */
const FEEDBACK = ['nack', 'nack pli', 'ccm fir'];
/** draft-alvestrand-rmcat-remb-03 section 2.4. */
const REMB = 'goog-remb';

/** What is taken of an offer that has a choice. */
export interface MediaChoice {
  /** Video is taken in the first of them that the offer has. */
  readonly videoCodecs: readonly VideoCodec[];
  /** REMB is sent to those who take it. */
  readonly remb: boolean;
}

interface Choice {
  readonly codec: MediaCodec;
  readonly payloadType: number;
  readonly parameters: string;
}

export const unsupported = (detail: string): UploadResponseError =>
  new UploadResponseError('UNSUPPORTED_OFFER', detail);

/**
 * Reads a section of audio or video, and reduces it to one codec: the first of its codecs that it has,
 * or Opus. `transport` are those of its lines that are about the connection.
 * @throws UploadResponseError UNSUPPORTED_OFFER
 */
export function readMediaSection(
  section: MediaSection,
  transport: readonly string[],
  { videoCodecs, remb }: MediaChoice,
): { readonly track: OfferedTrack; readonly section: MediaSection } {
  const { kind, protocol, lines } = section;
  if (kind !== 'audio' && kind !== 'video') throw unsupported(`m=${kind}`);
  if (!PROTOCOL.test(protocol)) throw unsupported(`m=${kind} over another protocol`);
  if (lines.includes('a=recvonly') || lines.includes('a=inactive')) {
    throw unsupported(`its ${kind} is not sent`);
  }
  if (!lines.includes('a=rtcp-mux')) throw unsupported(`its ${kind} has RTCP on another port`);
  const codecs: readonly MediaCodec[] = kind === 'audio' ? ['opus'] : videoCodecs;
  const choice = choose(section, codecs);
  if (!choice) {
    throw unsupported(`its ${kind} is none of ${codecs.map((one) => NAMES[one]).join(', ')}`);
  }
  const taken = remb ? [...FEEDBACK, REMB] : FEEDBACK;
  const feedback = feedbackOf(lines, choice.payloadType).filter((one) => taken.includes(one));
  const track = trackOf(kind, choice, feedback);
  return { track, section: reduced(section, transport, choice, feedback) };
}

/** Simulcast with retransmissions has some. */
const MAX_SOURCES = 64;

/** The sources that a section announces. */
export const sourcesOf = ({ lines }: MediaSection): readonly string[] =>
  lines.filter((line) => /^a=ssrc:\d{1,10} cname:/.test(line)).slice(0, MAX_SOURCES);

function choose(section: MediaSection, codecs: readonly MediaCodec[]): Choice | undefined {
  const encodings = formatLines(section.lines, 'rtpmap');
  const allParameters = formatLines(section.lines, 'fmtp');
  const offered = section.formats.filter(
    (format) => PAYLOAD_TYPE.test(format) && Number(format) < 128,
  );
  for (const codec of codecs) {
    const choices = offered
      .filter((format) => encodings.get(format)?.toLowerCase() === ENCODINGS[codec])
      .map((format) => ({
        codec,
        payloadType: Number(format),
        parameters: allParameters.get(format) ?? '',
      }));
    if (codec !== 'h264') {
      if (choices[0]) return choices[0];
      continue;
    }
    // Interleaved mode is another format. Without a mode it is 0.
    const mode = (wanted: string) =>
      choices.find(
        ({ parameters }) => (parameter(parameters, 'packetization-mode') ?? '0') === wanted,
      );
    const found = mode('1') ?? mode('0');
    if (found) return found;
  }
  return undefined;
}

function trackOf(
  kind: 'audio' | 'video',
  { codec, payloadType, parameters }: Choice,
  feedback: readonly string[],
): OfferedTrack {
  const request = feedback.includes('ccm fir') ? 'fir' : undefined;
  return {
    kind,
    codec,
    payloadType,
    clockRate: kind === 'audio' ? 48_000 : 90_000,
    parameters,
    nack: feedback.includes('nack'),
    keyframeRequest: kind === 'audio' ? undefined : feedback.includes('nack pli') ? 'pli' : request,
    remb: feedback.includes(REMB),
    parameterSets: (parameter(parameters, 'sprop-parameter-sets') ?? '')
      .split(',')
      .filter((text) => text !== '')
      .map((text) => Buffer.from(text, 'base64')),
  };
}

function reduced(
  section: MediaSection,
  transport: readonly string[],
  choice: Choice,
  feedback: readonly string[],
): MediaSection {
  const { payloadType, parameters } = choice;
  const encoding = section.lines.find((line) => line.startsWith(`a=rtpmap:${payloadType} `));
  return {
    ...section,
    // A section that is bundled only has no port of its own.
    port: section.port || 9,
    formats: [String(payloadType)],
    lines: [
      ...transport.filter((line) => line !== 'a=sendrecv'),
      ...['a=sendonly', 'a=rtcp-mux', encoding as string],
      ...(parameters === '' ? [] : [`a=fmtp:${payloadType} ${parameters}`]),
      ...feedback.map((one) => `a=rtcp-fb:${payloadType} ${one}`),
      ...sourcesOf(section),
    ],
  };
}

function feedbackOf(lines: readonly string[], payloadType: number): string[] {
  return lines.flatMap((line) => {
    const [, format, what = ''] = /^a=rtcp-fb:(\d{1,3}|\*) (.+)$/.exec(line) ?? [];
    return format === '*' || format === String(payloadType) ? [what.trim()] : [];
  });
}

/** Of lines `a=<name>:<format> <value>` the first value of each format. */
function formatLines(lines: readonly string[], name: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const begin = `a=${name}:`;
  for (const line of lines) {
    if (!line.startsWith(begin)) continue;
    const end = line.indexOf(' ', begin.length);
    if (end < 0) continue;
    const format = line.slice(begin.length, end);
    if (!values.has(format)) values.set(format, line.slice(end + 1).trim());
  }
  return values;
}

/** Of `name=value;name=value`. */
function parameter(parameters: string, name: string): string | undefined {
  for (const one of parameters.split(';')) {
    const [key = '', ...value] = one.trim().split('=');
    if (key.toLowerCase() === name) return value.join('=');
  }
  return undefined;
}
