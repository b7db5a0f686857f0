import type { AudioFacts, NetworkFacts, StreamFacts, VideoFacts } from '../ingress/stream-facts.js';
import type { StreamSnapshot } from './snapshot.js';
import { clip, humanTime, printable, type Style } from './terminal.js';

/** So long nothing may come before it is worth a word. */
const SILENT_MS = 2000;

/** One cell about a stream's media or network: `h264 1920x1080 25 fps 4.2 Mbit/s + aac, key 1.2 s`. */
export function factsText(facts: StreamFacts | null, style: Style): string {
  if (!facts) return '';
  const { media, network, evictions } = facts;
  const parts: string[] = [];
  if (media?.video) parts.push(videoText(media.video));
  if (media?.audio) parts.push(media.video ? media.audio.codec : audioText(media.audio));
  const text = [parts.join(' + ')];
  const { keyframeAgeMs = null } = media?.video ?? {};
  if (keyframeAgeMs !== null) text.push(`key ${humanTime(keyframeAgeMs)}`);
  if (network) text.push(`${bits(network.bitsPerSecond)}, rtt ${humanTime(network.rttMs)}`);
  if (network && network.lostPackets > 0) text.push(`lost ${network.lostPackets}`);
  const alarms = [
    ...(media?.waitingMs != null ? [`gone for ${humanTime(media.waitingMs)}`] : []),
    ...(evictions > 0 ? [`${evictions} evicted`] : []),
  ];
  return [...text.filter((one) => one !== ''), ...alarms.map((one) => style.yellow(one))].join(
    ', ',
  );
}

/** Lines about one stream. */
export function factsLines({ facts }: StreamSnapshot, style: Style): string[] {
  if (!facts) return [];
  const lines: string[] = [];
  const { media, network } = facts;
  if (media?.video) lines.push(`  ${style.bold('video')}  ${videoLine(media.video, style)}`);
  if (media?.audio) {
    lines.push(`  ${style.bold('audio')}  ${audioText(media.audio)}${silent(media.audio, style)}`);
  }
  if (media && media.dropped > 0) lines.push(`  ${media.dropped} frames dropped`);
  if (media && media.continued > 0) lines.push(`  continued ${media.continued} times`);
  if (media?.waitingMs != null) {
    lines.push(style.yellow(`  its publisher has been gone for ${humanTime(media.waitingMs)}`));
  }
  if (network) lines.push(`  ${style.bold('network')}  ${networkLine(network)}`);
  if (facts.evictions > 0) {
    const names = facts.evicted.map((name) => clip(printable(name), 40)).join(', ');
    lines.push(style.yellow(`  ${facts.evictions} readers evicted, the last: ${names}`));
  }
  return lines;
}

function videoText({ codec, width, height, framesPerSecond, bitsPerSecond }: VideoFacts): string {
  return [
    codec,
    ...(width !== null && height !== null ? [`${width}x${height}`] : []),
    ...(framesPerSecond !== null ? [`${framesPerSecond} fps`] : []),
    ...(bitsPerSecond !== null ? [bits(bitsPerSecond)] : []),
  ].join(' ');
}

function videoLine(video: VideoFacts, style: Style): string {
  const { keyframes, keyframeAgeMs, units } = video;
  const key = keyframeAgeMs === null ? 'none' : `the last ${humanTime(keyframeAgeMs)} ago`;
  return `${videoText(video)}, ${units} frames, ${keyframes} keyframes, ${key}${silent(video, style)}`;
}

function audioText({ codec, sampleRate, channels, bitsPerSecond }: AudioFacts): string {
  return [
    codec,
    ...(sampleRate !== null ? [`${sampleRate} Hz`] : []),
    ...(channels !== null ? [`${channels} channels`] : []),
    ...(bitsPerSecond !== null ? [bits(bitsPerSecond)] : []),
  ].join(' ');
}

function silent({ silentMs }: { readonly silentMs: number }, style: Style): string {
  return silentMs < SILENT_MS ? '' : style.yellow(`, nothing for ${humanTime(silentMs)}`);
}

function networkLine(network: NetworkFacts): string {
  const { rttMs, receivedPackets, lostPackets, retransmittedPackets } = network;
  return (
    `${bits(network.bitsPerSecond)}, rtt ${humanTime(rttMs)}, packets: ${receivedPackets} received, ` +
    `${lostPackets} lost, ${retransmittedPackets} sent again, ${network.droppedPackets} dropped, ` +
    `${network.undecryptedPackets} not decrypted`
  );
}

/** `850 bit/s`, `64.0 kbit/s`, `4.2 Mbit/s`. */
function bits(perSecond: number): string {
  if (perSecond < 1000) return `${Math.round(perSecond)} bit/s`;
  if (perSecond < 1e6) return `${(perSecond / 1000).toFixed(1)} kbit/s`;
  return `${(perSecond / 1e6).toFixed(1)} Mbit/s`;
}
