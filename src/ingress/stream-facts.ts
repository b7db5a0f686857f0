import { z } from 'zod';

/**
 * What the server knows of a running stream beside what the segment says: the shape in which it goes to
 * `inspect`, `top` and the control API.
 */

const count = (what: string) => z.int().min(0).describe(what);
const amount = (what: string) => z.number().min(0).describe(what);

const track = {
  codec: z.string().describe('`h264`, `h265`, `aac`, ...'),
  units: count('Access units so far; of MPEG-TS PES packets.'),
  bytes: count('Bytes of them.'),
  bitsPerSecond: amount('Over the newest seconds of media.').nullable(),
  silentMs: amount('Milliseconds since the newest unit came.'),
};

export const videoFactsSchema = z.strictObject({
  ...track,
  width: count('Pixels.').nullable(),
  height: count('Pixels.').nullable(),
  framesPerSecond: amount('Over the newest seconds of media.').nullable(),
  keyframes: count('So far.'),
  keyframeAgeMs: amount('Milliseconds since the newest keyframe came.').nullable(),
});

export const audioFactsSchema = z.strictObject({
  ...track,
  sampleRate: count('Hz.').nullable(),
  channels: count('Channels.').nullable(),
});

export const mediaFactsSchema = z.strictObject({
  video: videoFactsSchema.nullable(),
  audio: audioFactsSchema.nullable(),
  dropped: count('Frames that could not be decoded, or were not wanted: no worker sees them.'),
  continued: count('How often a publisher that was gone has gone on.'),
  waitingMs: amount(
    'Milliseconds since the publisher has gone, while it may come back.',
  ).nullable(),
});

export const networkFactsSchema = z.strictObject({
  rttMs: amount('Round-trip time, milliseconds.'),
  bitsPerSecond: amount('Of the body, over the newest second.'),
  receivedPackets: count('So far.'),
  lostPackets: count('Found missing; most of them come again.'),
  retransmittedPackets: count('That came again.'),
  droppedPackets: count('Given up: no worker has their bytes.'),
  undecryptedPackets: count('That could not be decrypted.'),
});

export const streamFactsSchema = z.strictObject({
  path: z.string().describe('Without the query, and without the stream key of a media transport.'),
  subject: z
    .string()
    .nullable()
    .describe('Name of the token, certificate or caller; null where nobody is known by name.'),
  receivedBytes: count('Of the body so far.'),
  evictions: count('Readers that were evicted: they kept the lane full.'),
  evicted: z.array(z.string()).describe('Names of the workers that were evicted last.'),
  media: mediaFactsSchema.nullable().describe('Of streams that are access units or MPEG-TS.'),
  network: networkFactsSchema.nullable().describe('Of transports that see packets.'),
});

export type VideoFacts = z.output<typeof videoFactsSchema>;
export type AudioFacts = z.output<typeof audioFactsSchema>;
export type MediaFacts = z.output<typeof mediaFactsSchema>;
export type NetworkFacts = z.output<typeof networkFactsSchema>;
export type StreamFacts = z.output<typeof streamFactsSchema>;

/** What a transport tells of a stream of its own. Asked when somebody wants to know; no I/O. */
export interface FactSource {
  media?(): MediaFacts | undefined;
  network?(): NetworkFacts | undefined;
}
