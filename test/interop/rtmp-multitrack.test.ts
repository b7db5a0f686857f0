// Several tracks of one publisher: Debian's ffmpeg encodes renditions and sounds, and does not publish them
// together; they are put into messages here, as Enhanced RTMP v2 has them. Workers of every language read
// them.

import assert from 'node:assert/strict';
import { createReadStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FlvTag, readFlvTags } from '../../src/protocols/flv/index.js';
import { MessageType } from '../../src/protocols/rtmp/index.js';
import { PATIENT } from '../support/patience.js';
import { type Printed, runProgram, testWith } from '../support/program.js';
import { RtmpClient } from '../support/rtmp-client.js';
import { TestServer } from '../support/test-server.js';
import { LANGUAGES } from '../worker-conformance/languages.js';
import { Program } from '../worker-conformance/program.js';

const TIMEOUT_MS = 480_000;
const KEY = 0x10;
const SEQUENCE_START = 0;
const CODED = 1;
const ONE_TRACK = 0;
const MANY_TRACKS = 1;
const MANY_CODECS = 2;

/** Each file is a track of video and one of audio. */
const CLIPS = [
  { size: '1280x720', frequency: 440, rate: 48_000 },
  { size: '640x360', frequency: 880, rate: 44_100 },
] as const;

/** What a tag of a file holds, without the head that FLV has for it. */
interface Packet {
  readonly type: number;
  readonly time: number;
  readonly track: number;
  readonly key: boolean;
  readonly packetType: number;
  readonly data: Buffer;
  readonly tag: Buffer;
}

/** Puts packets of one kind and time into messages. */
type Shape = (packets: readonly Packet[]) => Buffer[];

function ffmpeg(args: readonly string[]): Promise<Printed> {
  return runProgram('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', ...args], 240);
}

/** Hashes of what one track decodes to, in order. */
async function decoded(format: readonly string[], file: string, track: 'v' | 'a') {
  const args = [...format, '-i', file, '-map', `0:${track}`, '-f', 'framemd5', '-'];
  const { stdout, code, stderr } = await ffmpeg(args);
  assert.deepEqual([code, stderr], [0, '']);
  const lines = stdout.split('\n').filter((line) => /^\d/.test(line));
  return lines.map((line) => line.split(',').at(-1)?.trim());
}

async function makeClip({ size, frequency, rate }: (typeof CLIPS)[number], clip: string) {
  const pictures = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25`];
  const sound = ['-f', 'lavfi', '-i', `sine=frequency=${frequency}:sample_rate=${rate}`];
  const groups = ['-bf', '2', '-b_strategy', '0', '-g', '25', '-sc_threshold', '0'];
  const video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', ...groups];
  const made = await ffmpeg([...pictures, ...sound, '-t', '3', ...video, '-c:a', 'aac', clip]);
  assert.equal(made.code, 0, made.stderr);
}

function packetOf({ type, timestamp, data }: FlvTag, track: number): Packet | undefined {
  const tag = Buffer.from(data);
  const video = type === MessageType.video;
  if ((!video && type !== MessageType.audio) || (tag[1] as number) > CODED) return undefined;
  const packetType = tag[1] as number;
  // The time between decoding and showing stays before a frame of video, and nothing else has one.
  const from = !video ? 2 : packetType === CODED ? 2 : 5;
  const key = video && ((tag[0] as number) & 0xf0) === KEY;
  return { type, time: timestamp, track, key, packetType, data: tag.subarray(from), tag };
}

async function packetsOf(file: string, track: number): Promise<Packet[]> {
  const packets: Packet[] = [];
  for await (const tag of readFlvTags(createReadStream(file))) {
    const packet = packetOf(tag, track);
    if (packet) packets.push(packet);
  }
  return packets;
}

/** A multitrack message. */
function message(kind: number, packets: readonly Packet[]): Buffer {
  const [{ type, key, packetType }] = packets as [Packet];
  const video = type === MessageType.video;
  const first = video ? (key ? 0x96 : 0xa6) : 0x95;
  const fourCc = Buffer.from(video ? 'avc1' : 'mp4a');
  const parts = packets.flatMap(({ track, data }) => {
    const size = Buffer.alloc(3);
    size.writeUIntBE(data.length, 0, 3);
    return [
      ...(kind === MANY_CODECS ? [fourCc] : []),
      Buffer.from([track]),
      ...(kind === ONE_TRACK ? [] : [size]),
      data,
    ];
  });
  const shared = kind === MANY_CODECS ? [] : [fourCc];
  return Buffer.concat([Buffer.from([first, (kind << 4) | packetType]), ...shared, ...parts]);
}

const SHAPES: Readonly<Record<string, Shape>> = {
  // As OBS does it.
  'track 0 as ever, each other in messages of its own': (packets) =>
    packets.map((one) => (one.track === 0 ? one.tag : message(ONE_TRACK, [one]))),
  'all tracks of a time in one message, of one codec': (packets) => [message(MANY_TRACKS, packets)],
  // The default track is not the first one.
  'all tracks of a time in one message, each with its codec': (packets) => [
    message(MANY_CODECS, packets.toReversed()),
  ],
};

async function publish(port: number, key: string, packets: readonly Packet[], shape: Shape) {
  const client = await RtmpClient.publish(port, key);
  assert.equal((await client.status())?.code, 'NetStream.Publish.Start');
  const groups = new Map<string, Packet[]>();
  for (const packet of packets) {
    const { type, time, key: isKey, packetType } = packet;
    const order = packetType === SEQUENCE_START ? 0 : 1;
    const name = [order, String(time).padStart(9, '0'), type, isKey].join();
    groups.set(name, [...(groups.get(name) ?? []), packet]);
  }
  for (const name of [...groups.keys()].sort()) {
    const group = groups.get(name) as Packet[];
    const [{ type, time }] = group as [Packet];
    for (const payload of shape(group)) client.send(type, 1, time, payload);
  }
  client.command(0, 'deleteStream', 7, null, 1);
  client.socket.end();
  await client.end();
}

testWith(
  'ffmpeg',
  'two renditions and two sounds: each decodes to the same, in every language',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ur-tracks-'));
    const rtmp = { enabled: true, port: 0, multitrack: true } as const;
    const server = await TestServer.start({ workers: 0, ...PATIENT, transports: { rtmp } });
    const programs: Program[] = [];
    try {
      const clips = CLIPS.map((_, track) => join(folder, `${track}.flv`));
      await Promise.all(CLIPS.map((clip, track) => makeClip(clip, clips[track] as string)));
      const tracks = await Promise.all(clips.map(packetsOf));
      const packets = tracks.flat();
      const expected = await Promise.all(
        clips.flatMap((clip) => [decoded([], clip, 'v'), decoded([], clip, 'a')]),
      );
      assert.equal(expected[0]?.length, 75);
      const port = server.server.addresses.find(({ scheme }) => scheme === 'rtmp')?.port ?? 0;
      for (const language of LANGUAGES) {
        for (const [index, shape] of Object.values(SHAPES).entries()) {
          const into = join(folder, `${language.name}-${index}`);
          mkdirSync(into);
          const duty = { work: 'units', argument: into };
          const program = new Program(language, server.server.socket, duty);
          programs.push(program);
          await program.event('attached');
          await publish(port, `${language.name}-${index}`, packets, shape);
          const { units, keys } = await program.event('units');
          const frames = packets.filter(({ packetType }) => packetType === CODED);
          assert.equal(units, frames.length);
          assert.equal(keys, frames.filter(({ key }) => key).length);
          await server.free();
          await program.stop();
          const found = await Promise.all(
            clips.flatMap((_, track) => [
              decoded(['-f', 'h264'], join(into, `27-${track}`), 'v'),
              decoded(['-f', 'aac'], join(into, `15-${track}`), 'a'),
            ]),
          );
          assert.deepEqual(found, expected, `${language.name}: ${Object.keys(SHAPES)[index]}`);
        }
      }
    } finally {
      await Promise.all(programs.map((program) => program.kill()));
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  TIMEOUT_MS,
);
