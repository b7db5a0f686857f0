// Enhanced RTMP: Debian's ffmpeg decodes and encodes these codecs, but does not publish them; what it has
// encoded is put into messages here, as the specification has them.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageType } from '../../src/protocols/rtmp/index.js';
import { type Printed, runProgram, testWith } from '../support/program.js';
import { type MediaReport, RtmpServer } from '../support/rtmp.js';
import { RtmpClient } from '../support/rtmp-client.js';

const TIMEOUT_MS = 240_000;
const FRAME_MS = 40;
const PICTURES = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-t', '2'];

/** A stream of one track. */
interface Track {
  readonly type: number;
  readonly record: Buffer;
  readonly frames: readonly { readonly key: boolean; readonly data: Buffer }[];
}

function ffmpeg(args: readonly string[]): Promise<Printed> {
  return runProgram('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', ...args], 180);
}

async function encode(args: readonly string[], file: string): Promise<Buffer> {
  const made = await ffmpeg([...args, file]);
  assert.equal(made.code, 0, made.stderr);
  return readFileSync(file);
}

/** Hashes of the decoded frames. */
async function decoded(file: string, format: string): Promise<string[]> {
  const { stdout, code, stderr } = await ffmpeg(['-f', format, '-i', file, '-f', 'framemd5', '-']);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  const lines = stdout.split('\n').filter((line) => /^\d/.test(line));
  return lines.map((line) => line.split(',').at(-1)?.trim() ?? '');
}

/** Frames of an IVF file. */
function ivfFrames(file: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = file.readUInt16LE(6); at < file.length; ) {
    const size = file.readUInt32LE(at);
    frames.push(file.subarray(at + 12, at + 12 + size));
    at += 12 + size;
  }
  return frames;
}

function ivfOf(like: Buffer, frames: readonly Buffer[]): Buffer {
  const parts = [like.subarray(0, like.readUInt16LE(6))];
  frames.forEach((frame, i) => {
    const head = Buffer.alloc(12);
    head.writeUInt32LE(frame.length, 0);
    head.writeBigUInt64LE(BigInt(i), 4);
    parts.push(head, frame);
  });
  return Buffer.concat(parts);
}

/** NAL units of Annex B, without start codes. */
function nalUnits(stream: Buffer): Buffer[] {
  const code = Buffer.from([0, 0, 1]);
  const starts: number[] = [];
  for (let at = stream.indexOf(code); at >= 0; at = stream.indexOf(code, at + 3)) starts.push(at);
  return starts.map((start, i) => {
    const next = starts[i + 1];
    const end = next === undefined ? stream.length : stream[next - 1] === 0 ? next - 1 : next;
    return stream.subarray(start + 3, end);
  });
}

const hevcType = (nal: Buffer): number => ((nal[0] as number) >> 1) & 63;

/** Each access unit begins with a delimiter. */
function hevcTrack(stream: Buffer): Track {
  const units: Buffer[][] = [];
  for (const nal of nalUnits(stream)) {
    if (hevcType(nal) === 35) units.push([]);
    units.at(-1)?.push(nal);
  }
  const sets = [32, 33, 34].map((type) => {
    const set = units[0]?.find((nal) => hevcType(nal) === type) as Buffer;
    const head = Buffer.from([type, 0, 1, set.length >> 8, set.length & 255]);
    return Buffer.concat([head, set]);
  });
  const general = Buffer.alloc(23);
  general[0] = 1;
  general[21] = 3;
  general[22] = sets.length;
  const frames = units.map((nals) => {
    const sliced = nals.filter((nal) => ![32, 33, 34].includes(hevcType(nal)));
    const parts = sliced.flatMap((nal) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(nal.length);
      return [length, nal];
    });
    const key = nals.some((nal) => hevcType(nal) >= 16 && hevcType(nal) <= 21);
    return { key, data: Buffer.concat(parts) };
  });
  return { type: 0x24, record: Buffer.concat([general, ...sets]), frames };
}

/** RTMP has no temporal delimiters; the sequence header goes into the record alone. */
function av1Track(file: Buffer): Track {
  let record = Buffer.from([0x81, 0, 0x0c, 0]);
  const frames = ivfFrames(file).map((frame) => {
    assert.deepEqual(frame.subarray(0, 2), Buffer.from([0x12, 0]));
    let data = frame.subarray(2);
    const key = data[0] === 0x0a;
    if (key) {
      const end = 2 + (data[1] as number);
      record = Buffer.concat([record.subarray(0, 4), data.subarray(0, end)]);
      data = data.subarray(end);
    }
    return { key, data };
  });
  return { type: 0x9f, record, frames };
}

function vp9Track(file: Buffer): Track {
  const record = Buffer.from([1, 0, 0, 0, 0, 10, 0x82, 2, 2, 2, 0, 0]);
  const frames = ivfFrames(file).map((data, i) => ({ key: i % 25 === 0, data }));
  return { type: 0x9e, record, frames };
}

/** Packets of an Ogg file, none of which is longer than a page. */
function opusTrack(file: Buffer): Track {
  const packets: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const lacing = [...file.subarray(at + 27, at + 27 + (file[at + 26] as number))];
    at += 27 + lacing.length;
    for (let size = 0; lacing.length > 0; ) {
      const part = lacing.shift() as number;
      size += part;
      if (part === 255) continue;
      packets.push(file.subarray(at, at + size));
      at += size;
      size = 0;
    }
  }
  const [record, , ...rest] = packets;
  return {
    type: 0x9c,
    record: record as Buffer,
    frames: rest.map((data) => ({ key: false, data })),
  };
}

/** Publishes a track: sequence start, then coded frames. */
async function publish(server: RtmpServer, key: string, fourCc: string, track: Track) {
  const client = await RtmpClient.publish(server.port(), key);
  assert.equal((await client.status())?.code, 'NetStream.Publish.Start');
  const audio = fourCc === 'Opus';
  const type = audio ? MessageType.audio : MessageType.video;
  const send = (first: number, at: number, ...parts: readonly Buffer[]) =>
    client.send(type, 1, at, Buffer.concat([Buffer.from([first]), Buffer.from(fourCc), ...parts]));
  send(0x90, 0, track.record);
  const composition = fourCc === 'hvc1' ? [Buffer.alloc(3)] : [];
  track.frames.forEach(({ key: isKey, data }, i) => {
    const first = audio ? 0x91 : isKey ? 0x91 : 0xa1;
    send(first, i * FRAME_MS, ...composition, data);
  });
  client.command(0, 'deleteStream', 7, null, 1);
  const find = () => server.reports.find((one) => one.event === 'body' && one.path.endsWith(key));
  const body = await server.report('body', server.reports.indexOf(find() as MediaReport) + 1);
  client.socket.end();
  await client.end();
  return body;
}

const CODECS = [
  {
    fourCc: 'hvc1',
    args: ['-c:v', 'libx265', '-preset', 'ultrafast', '-g', '25'],
    options: ['-x265-params', 'aud=1:bframes=0:log-level=error', '-f', 'hevc'],
    track: hevcTrack,
    format: 'hevc',
  },
  {
    fourCc: 'av01',
    args: ['-c:v', 'libaom-av1', '-cpu-used', '8', '-g', '25', '-row-mt', '1'],
    options: ['-f', 'ivf'],
    track: av1Track,
    format: 'ivf',
  },
  {
    fourCc: 'vp09',
    args: ['-c:v', 'libvpx-vp9', '-cpu-used', '8', '-deadline', 'realtime', '-g', '25'],
    options: ['-f', 'ivf'],
    track: vp9Track,
    format: 'ivf',
  },
] as const;

async function inFolder(use: (folder: string, server: RtmpServer) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ur-rtmp-'));
  const server = await RtmpServer.start();
  try {
    await use(folder, server);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const { fourCc, args, options, track: trackOf, format } of CODECS) {
  testWith(
    'ffmpeg',
    `${fourCc}: frames decode to the same`,
    () =>
      inFolder(async (folder, server) => {
        const source = join(folder, 'source');
        const stream = await encode([...PICTURES, ...args, ...options], source);
        const track = trackOf(stream);
        const body = await publish(server, fourCc, fourCc, track);
        assert.equal(body.units.length, track.frames.length);
        assert.deepEqual(
          body.units.map(({ type, key, dts }) => ({ type, key, dts })),
          track.frames.map(({ key }, i) => ({ type: track.type, key, dts: i * FRAME_MS })),
        );
        const field = new Map(body.headers).get('x-rtmp-video-config');
        assert.equal(field, track.record.toString('base64'));
        let arrived = body.files[0] as string;
        if (format === 'ivf') {
          const bytes = readFileSync(arrived);
          let at = 0;
          const frames = body.units.map(({ size }) => {
            at += size;
            return bytes.subarray(at - size, at);
          });
          arrived = join(folder, 'arrived.ivf');
          writeFileSync(arrived, ivfOf(stream, frames));
        }
        assert.deepEqual(await decoded(arrived, format), await decoded(source, format));
      }),
    TIMEOUT_MS,
  );
}

testWith(
  'ffmpeg',
  'Opus: packets are the same',
  () =>
    inFolder(async (folder, server) => {
      const tone = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-t', '1'];
      const file = await encode([...tone, '-c:a', 'libopus', '-f', 'ogg'], join(folder, 'a.ogg'));
      const track = opusTrack(file);
      const body = await publish(server, 'opus', 'Opus', track);
      assert.equal(body.units.length, track.frames.length);
      assert.ok(track.frames.length > 40);
      const bytes = readFileSync(body.files[0] as string);
      assert.deepEqual(bytes, Buffer.concat(track.frames.map(({ data }) => data)));
      assert.equal(
        new Map(body.headers).get('x-rtmp-audio-config'),
        track.record.toString('base64'),
      );
    }),
  TIMEOUT_MS,
);
