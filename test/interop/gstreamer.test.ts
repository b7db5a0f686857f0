// Debian's GStreamer over every transport that it has an element for.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createToken } from '../../src/admission/index.js';
import { StreamType } from '../../src/protocols/access-unit/index.js';
import { decoded } from '../support/decoded.js';
import { unitsOf } from '../support/media-files.js';
import { type Printed, runProgram, testWith } from '../support/program.js';
import { type RtmpServer, withRtmpServer } from '../support/rtmp.js';
import { SrtServer } from '../support/srt.js';
import { certificate } from '../support/test-server.js';
import { until } from '../support/until.js';

const GSTREAMER = 'gst-launch-1.0';
const TIMEOUT_MS = 240_000;
const PASSPHRASE = 'a passphrase of the tests';
/** A busy machine is late, and SRT drops what is. */
const LATENCY_MS = 3000;
const FRAMES = 75;

const PICTURE =
  `videotestsrc num-buffers=${FRAMES} ! video/x-raw,width=640,height=360,framerate=25/1 ! ` +
  'x264enc tune=zerolatency key-int-max=25 ! video/x-h264,profile=main ! h264parse ! queue';
/** As long as the picture: 48,000 samples a second, 960 in a buffer. */
const SOUND =
  `audiotestsrc freq=440 samplesperbuffer=960 num-buffers=${FRAMES * 2} ! ` +
  'audio/x-raw,rate=48000,channels=2 ! voaacenc bitrate=128000 ! aacparse ! queue';

/** Keeps a pipeline for six seconds: srtsink is closed with it, and does not wait until its end is sent. */
const LINGERING =
  'audiotestsrc is-live=true samplesperbuffer=4410 num-buffers=60 ! fakesink sync=true';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Runs a pipeline, as a shell reads it, to its end. */
function launch(pipeline: string): Promise<Printed> {
  return runProgram('sh', ['-c', `exec ${GSTREAMER} --quiet ${pipeline}`], 120);
}

async function succeed(pipeline: string): Promise<void> {
  const { code, stderr } = await launch(pipeline);
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /ERROR/);
}

/** Ends with an error that says `what`. */
async function fail(pipeline: string, what: RegExp): Promise<void> {
  const { code, stderr } = await launch(pipeline);
  assert.equal(code, 1, stderr);
  assert.match(stderr, what);
}

/** Encodes, and gives what leaves the multiplexer to a sink and to a file. */
const encode = (mux: string, file: string, sink: string) =>
  `${PICTURE} ! ${mux} name=mux ! tee name=t ! queue ! ${sink} ` +
  `t. ! queue ! filesink location=${file} ${SOUND} ! mux.`;

const flv = (location: string, more = '') =>
  `${PICTURE} ! flvmux streamable=true ! rtmp2sink location=${location} ${more}`;

for (const scheme of ['rtmp', 'rtmps'] as const) {
  testWith(
    GSTREAMER,
    `rtmp2sink, ${scheme}: the frames and the sound that were encoded`,
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'ur-gst-'));
      try {
        const tls = { port: 0, ...(await certificate(folder)) };
        await withRtmpServer((server) => publish(server, scheme, join(folder, 'ref.flv')), { tls });
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    TIMEOUT_MS,
  );
}

async function publish(server: RtmpServer, scheme: 'rtmp' | 'rtmps', file: string): Promise<void> {
  const location = `${scheme}://127.0.0.1:${server.port(scheme)}/live/a-key`;
  let trust = '';
  if (scheme === 'rtmps') {
    await fail(flv(location), /Unacceptable TLS certificate/);
    trust = 'tls-validation-flags=0';
  }
  const from = server.reports.length;
  await succeed(encode('flvmux streamable=true', file, `rtmp2sink location=${location} ${trust}`));
  const body = await server.report('body', from);
  assert.equal(body.path, '/rtmp/live/a-key');
  assert.equal(body.rest, 0);
  const fields = new Map(body.headers);
  assert.equal(JSON.parse(fields.get('x-rtmp-metadata') ?? '{}').width, 640);
  assert.ok(fields.has('x-rtmp-video-config') && fields.has('x-rtmp-audio-config'));
  const video = unitsOf(body, StreamType.h264);
  assert.equal(video.length, FRAMES);
  assert.ok(video.filter(({ unit }) => unit.key).length >= FRAMES / 25);
  const path = (type: number) => body.files.find((one) => one.endsWith(`-${type}`)) ?? '';
  const frames = await decoded(file, 'v');
  assert.equal(frames.length, FRAMES);
  assert.deepEqual(await decoded(path(StreamType.h264), 'v', ['-f', 'h264']), frames);
  const samples = await decoded(file, 'a');
  assert.ok(samples.length > FRAMES, `${samples.length} frames of sound`);
  assert.deepEqual(await decoded(path(StreamType.aac), 'a', ['-f', 'aac']), samples);
}

testWith(
  GSTREAMER,
  'rtmp2sink is told that its key or its password is wrong, and is let in with the right one',
  async () => {
    const { token, hash } = createToken();
    const auth = { tokens: [{ name: 'camera', hash }] };
    const at = (server: RtmpServer, user: string, key: string) =>
      `rtmp://${user}127.0.0.1:${server.port()}/live/${key}`;
    await withRtmpServer(
      async (server) => {
        await fail(flv(at(server, '', 'wrong')), /Unauthorized/);
        assert.equal(server.reports.length, 1);
        await succeed(flv(at(server, '', token)));
        assert.equal((await server.report('body')).units.length, FRAMES);
      },
      {},
      { auth },
    );
    await withRtmpServer(
      async (server) => {
        await fail(flv(at(server, 'ann:wrong@', 'key')), /authentication failed/i);
        assert.equal(server.reports.length, 1);
        await succeed(flv(at(server, 'ann:secret@', 'key')));
        assert.equal((await server.report('body')).units.length, FRAMES);
      },
      { users: [{ name: 'ann', password: 'secret' }] },
    );
  },
  TIMEOUT_MS,
);

async function withSrtServer(
  srt: Parameters<typeof SrtServer.start>[0],
  use: (server: SrtServer) => Promise<void>,
): Promise<void> {
  const server = await SrtServer.start({ latencyMs: LATENCY_MS, ...srt });
  try {
    await use(server);
    await server.server.free();
  } finally {
    await server.stop();
  }
}

const srtsink = (server: SrtServer, options: string) =>
  `srtsink uri=srt://127.0.0.1:${server.port('live')} ${options}`;
const ts = (sink: string) => `${PICTURE} ! mpegtsmux alignment=7 ! ${sink}`;
const encrypted = (passphrase: string, keyBytes = 16) =>
  `passphrase="${passphrase}" pbkeylen=${keyBytes}`;

for (const keyBytes of [0, 16, 32]) {
  testWith(
    GSTREAMER,
    `srtsink, ${keyBytes === 0 ? 'plain' : `AES-${keyBytes * 8}`}: the bytes that were encoded`,
    () =>
      withSrtServer(keyBytes === 0 ? {} : { passphrase: PASSPHRASE }, async (server) => {
        const file = server.server.file('ref.ts');
        const id = 'streamid="#!::r=live/1,user_x=y"';
        const secret = keyBytes === 0 ? '' : encrypted(PASSPHRASE, keyBytes);
        const sink = srtsink(server, `${id} ${secret}`);
        await succeed(`${encode('mpegtsmux alignment=7', file, sink)} ${LINGERING}`);
        const body = await server.report('body');
        assert.equal(new Map(body.headers).get('x-srt-stream-id'), '#!::r=live/1,user_x=y');
        // Before the stream it sends the tables that the multiplexer has named as its head.
        const sent = readFileSync(file);
        const came = readFileSync(body.file);
        const head = came.length - sent.length;
        assert.ok(head >= 0 && head < 10 * 188 && head % 188 === 0, `${head} bytes before it`);
        assert.equal(sha256(came.subarray(head)), sha256(sent));
        for (const slot of body.slots) assert.equal(slot % 188, 0, `a slot of ${slot} bytes`);
        assert.equal((await decoded(body.file, 'v')).length, FRAMES);
        assert.deepEqual(await decoded(body.file, 'a'), await decoded(file, 'a'));
      }),
    TIMEOUT_MS,
  );
}

testWith(
  GSTREAMER,
  'srtsink with a wrong passphrase, none, or a stream id that does not publish is refused',
  () =>
    withSrtServer({ passphrase: PASSPHRASE }, async (server) => {
      const lost = /Connection does not exist|Failed to write|rejected/i;
      await fail(ts(srtsink(server, encrypted('another passphrase'))), lost);
      await fail(ts(srtsink(server, '')), lost);
      const asks = 'streamid="#!::r=a,m=request"';
      await fail(ts(srtsink(server, `${asks} ${encrypted(PASSPHRASE)}`)), lost);
      await until(() => (server.refused.SRT_CALLER_REFUSED ?? 0) > 0, 'a refusal to be counted');
      assert.deepEqual(
        server.reports.map(({ event }) => event),
        ['ready'],
      );
    }),
  TIMEOUT_MS,
);

testWith(
  GSTREAMER,
  'curlhttpsink and tcpclientsink upload the same bytes',
  async () => {
    const tcp = { enabled: true, port: 0 };
    const server = await SrtServer.start({}, { transports: { tcp } });
    try {
      const bytes = randomBytes(3_000_001);
      const file = server.server.file('upload.bin');
      writeFileSync(file, bytes);
      const source = `filesrc location=${file} ! `;
      const url = server.server.url('/upload/a');
      const sinks = {
        '/upload/a': `curlhttpsink location=${url}`,
        '/tcp': `tcpclientsink host=127.0.0.1 port=${server.server.port('tcp')}`,
      };
      for (const [path, sink] of Object.entries(sinks)) {
        const from = server.reports.length;
        await succeed(source + sink);
        const body = await server.report('body', from);
        assert.deepEqual([body.path, body.sha256], [path, sha256(bytes)]);
      }
      await server.server.free();
    } finally {
      await server.stop();
    }
  },
  TIMEOUT_MS,
);
