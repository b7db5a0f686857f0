/** Files of what units hold, so that other programs can decode them. */

import { readFileSync, writeFileSync } from 'node:fs';
import { runProgram } from './program.js';
import type { MediaReport } from './rtmp.js';

type Unit = MediaReport['units'][number];

const SAMPLE_RATE = 48_000;

/** The units of one type, with the data that the worker has written to its file. */
export function unitsOf(
  { units, files }: MediaReport,
  type: number,
): { unit: Unit; data: Buffer }[] {
  const file = files.find((one) => one.endsWith(`-${type}`));
  const bytes = file === undefined ? Buffer.alloc(0) : readFileSync(file);
  let at = 0;
  const all = units
    .filter((unit) => unit.type === type)
    .map((unit) => {
      at += unit.size;
      return { unit, data: bytes.subarray(at - unit.size, at) };
    });
  if (at !== bytes.length) throw new Error(`${bytes.length} bytes of units with ${at} bytes`);
  return all;
}

/** VP8 in IVF, times in milliseconds. */
export function writeIvf(path: string, frames: readonly { unit: Unit; data: Buffer }[]): void {
  const head = Buffer.alloc(32);
  head.write('DKIF', 'latin1');
  head.writeUInt16LE(32, 6);
  head.write('VP80', 8, 'latin1');
  head.writeUInt32LE(1000, 16);
  head.writeUInt32LE(1, 20);
  head.writeUInt32LE(frames.length, 24);
  const parts = frames.flatMap(({ unit, data }) => {
    const frame = Buffer.alloc(12);
    frame.writeUInt32LE(data.length);
    frame.writeBigUInt64LE(BigInt(unit.pts), 4);
    return [frame, data];
  });
  writeFileSync(path, Buffer.concat([head, ...parts]));
}

/** Opus in Ogg (RFC 7845), a packet on each page. */
export function writeOgg(path: string, packets: readonly Buffer[]): void {
  const head = Buffer.alloc(19);
  head.write('OpusHead\x01\x02', 'latin1');
  head.writeUInt32LE(SAMPLE_RATE, 12);
  const tags = Buffer.concat([Buffer.from('OpusTags'), Buffer.alloc(8)]);
  const pages = [oggPage(head, 0, 0, 2), oggPage(tags, 1, 0, 0)];
  packets.forEach((packet, index) => {
    // 20 ms each, which is what browsers send.
    pages.push(oggPage(packet, index + 2, (index + 1) * 960, 0));
  });
  writeFileSync(path, Buffer.concat(pages));
}

function oggPage(packet: Buffer, index: number, samples: number, flags: number): Buffer {
  const lacing = [...Array(Math.floor(packet.length / 255)).fill(255), packet.length % 255];
  const head = Buffer.alloc(27 + lacing.length);
  head.write('OggS', 'latin1');
  head[5] = flags;
  head.writeBigUInt64LE(BigInt(samples), 6);
  head.writeUInt32LE(1, 14);
  head.writeUInt32LE(index, 18);
  head[26] = lacing.length;
  head.set(lacing, 27);
  const page = Buffer.concat([head, packet]);
  page.writeUInt32LE(oggChecksum(page), 22);
  return page;
}

/** CRC-32 with the polynomial 0x04c11db7, not reflected (RFC 3533 section 6). */
function oggChecksum(bytes: Buffer): number {
  let sum = 0;
  for (const byte of bytes) {
    sum ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) sum = sum & 0x80000000 ? (sum << 1) ^ 0x04c11db7 : sum << 1;
  }
  return sum >>> 0;
}

/** Decodes all of it; what ffmpeg complained about, and how many frames it made. */
export async function decodeVideo(path: string, format: 'h264' | 'ivf') {
  const args = ['-hide_banner', '-loglevel', 'warning', '-f', format, '-i', path];
  const { stdout, stderr, code } = await runProgram(
    'ffmpeg',
    [...args, '-fps_mode', 'passthrough', '-f', 'framemd5', '-'],
    180,
  );
  const frames = stdout.split('\n').filter((line) => /^\d/.test(line)).length;
  return { frames, complaints: stderr, code };
}

/**
 * Decodes to one channel, and says what part of the power is at `frequency` in the middle one of its
 * pieces: near 1 for that tone alone.
 */
export async function toneShare(path: string, wav: string, frequency: number): Promise<number> {
  const format = ['-ac', '1', '-ar', String(SAMPLE_RATE), '-f', 's16le', wav];
  const { code, stderr } = await runProgram('ffmpeg', ['-y', '-v', 'error', '-i', path, ...format]);
  if (code !== 0) throw new Error(stderr);
  const bytes = readFileSync(wav);
  // So short that what is missing between packets spoils few pieces; whole periods of multiples of 20 Hz.
  const size = SAMPLE_RATE / 20;
  const shares: number[] = [];
  for (let at = size; (at + size) * 2 <= bytes.length; at += size) {
    let cosine = 0;
    let sine = 0;
    let power = 0;
    for (let i = 0; i < size; i++) {
      const sample = bytes.readInt16LE((at + i) * 2);
      const phase = (2 * Math.PI * frequency * i) / SAMPLE_RATE;
      cosine += sample * Math.cos(phase);
      sine += sample * Math.sin(phase);
      power += sample * sample;
    }
    if (power > 0) shares.push((2 * (cosine ** 2 + sine ** 2)) / (size * power));
  }
  shares.sort((a, b) => a - b);
  return shares[Math.floor(shares.length / 2)] ?? 0;
}
