import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createToken } from '../../../src/admission/index.js';
import { runProgram, testWith } from '../../support/program.js';
import { RtmpServer } from '../../support/rtmp.js';
import { certificate } from '../../support/test-server.js';
import { endAll, finish, run, start, temporaryFolder } from './support.js';

const folder = temporaryFolder();
const token = createToken();
const flv = join(folder.path, 'clip.flv');
const mp4 = join(folder.path, 'clip.mp4');
const SECONDS = 2;
const TIMEOUT_MS = 120_000;
let server: RtmpServer;
let authorised: RtmpServer;

before(async () => {
  const tls = { port: 0, ...(await certificate(folder.path)) };
  server = await RtmpServer.start({ tls });
  const tokens = [{ name: 'good', hash: token.hash }];
  authorised = await RtmpServer.start({}, { auth: { tokens } });
});
after(async () => {
  await endAll();
  await server?.stop();
  await authorised?.stop();
  folder.remove();
});

const url = (key: string, scheme: 'rtmp' | 'rtmps' = 'rtmp', at = server) =>
  `${scheme}://localhost:${at.port(scheme)}/live/${key}`;

let made: Promise<void> | undefined;

/** H.264 with B-frames and AAC, once for all tests. */
function clips(): Promise<void> {
  made ??= (async () => {
    const sources = [
      ...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'],
      ...['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
    ];
    const codecs = ['-c:v', 'libx264', '-preset', 'fast', '-g', '25', '-c:a', 'aac'];
    const quiet = ['-hide_banner', '-loglevel', 'error', '-y'];
    for (const args of [
      [...sources, '-t', String(SECONDS), ...codecs, flv],
      ['-i', flv, '-c', 'copy', mp4],
    ]) {
      const { code, stderr } = await runProgram('ffmpeg', [...quiet, ...args]);
      assert.equal(code, 0, stderr);
    }
  })();
  return made;
}

/** Hashes of the decoded frames or sound of a file, in order. */
async function decoded(file: string, kind: 'v' | 'a'): Promise<string[]> {
  const args = ['-loglevel', 'error', '-i', file, '-map', `0:${kind}`, '-f', 'framemd5', '-'];
  const { stdout, code, stderr } = await runProgram('ffmpeg', args);
  assert.equal(code, 0, stderr);
  return stdout
    .split('\n')
    .filter((line) => /^\d/.test(line))
    .map((line) => line.split(',').at(-1)?.trim() ?? '');
}

/** The worker got all of the clip. */
async function checkArrived(key: string, clip: string): Promise<void> {
  const find = () =>
    server.reports.find(({ event, path }) => event === 'body' && path.endsWith(key));
  const body = find() ?? (await server.report('body', server.reports.length));
  assert.equal(body.path, `/rtmp/live/${key}`);
  assert.equal(body.rest, 0);
  const file = (type: number) => body.files.find((name) => name.endsWith(`-${type}`)) ?? '';
  const frames = await decoded(file(0x1b), 'v');
  assert.equal(frames.length, SECONDS * 25);
  assert.deepEqual(frames, await decoded(clip, 'v'));
  assert.deepEqual(await decoded(file(0x0f), 'a'), await decoded(clip, 'a'));
}

const withFfmpeg = (name: string, use: () => Promise<void>) =>
  testWith(
    'ffmpeg',
    name,
    async () => {
      await clips();
      await use();
    },
    TIMEOUT_MS,
  );

withFfmpeg('send by RTMP: FLV at the pace of its time stamps, frame-identical', async () => {
  const { code, stderr } = await run(['send', '--json', flv, url('paced')]);
  assert.equal(code, 0, stderr);
  const { bytes, ms } = JSON.parse(stderr);
  assert.ok(ms >= (SECONDS - 0.5) * 1000, `${ms} ms`);
  assert.ok(bytes > readFileSync(flv).length * 0.95, `${bytes} bytes`);
  await checkArrived('paced', flv);
});

withFfmpeg('send by RTMP: standard input, fast', async () => {
  const input = readFileSync(flv);
  const { code, stderr } = await run(['send', '-q', '--fast', '-', url('stdin')], { input });
  assert.deepEqual([code, stderr], [0, '']);
  await checkArrived('stdin', flv);
});

withFfmpeg('send by RTMP: user and password of the URL', async () => {
  const users = [{ name: 'ann', password: 's e:c%' }];
  const own = await RtmpServer.start({ users });
  try {
    const send = (login: string) =>
      run(['send', '-q', '--fast', flv, `rtmp://${login}localhost:${own.port()}/live/key`]);
    const right = await send('ann:s%20e%3Ac%25@');
    assert.equal(right.code, 0, right.stderr);
    assert.equal((await own.report('body')).path, '/rtmp/live/key');
    for (const login of ['', 'ann:wrong@']) {
      const { code, stderr } = await send(login);
      assert.equal(code, 4, stderr);
      assert.match(stderr, /the server refused: .*\n.*rtmp:\/\/user:password@/);
    }
    const malformed = await run(['send', '-q', flv, 'rtmp://localhost/live/secret%zz']);
    assert.deepEqual([malformed.code, malformed.stderr.includes('secret')], [2, false]);
  } finally {
    await own.stop();
  }
});

withFfmpeg('send by RTMPS: MP4, by ffmpeg', async () => {
  const { code, stderr } = await run(['send', '-qk', '--fast', mp4, url('mp4', 'rtmps')]);
  assert.deepEqual([code, stderr], [0, '']);
  await checkArrived('mp4', mp4);
});

withFfmpeg('send by RTMP: what is refused is said, and no secret', async () => {
  const args = ['send', '-q', '--fast', flv];
  const wrong = await run([...args, url('a-secret-key', 'rtmp', authorised)]);
  assert.equal(wrong.code, 4, wrong.stderr);
  assert.match(wrong.stderr, /the server refused: .*401 INVALID_CREDENTIALS/);
  assert.ok(!wrong.stderr.includes('a-secret-key'));
  const to = url('a-name', 'rtmp', authorised);
  const right = await run([...args, to, '--token', 'env:T'], { env: { T: token.token } });
  assert.equal(right.code, 0, right.stderr);
});

withFfmpeg('send by RTMP: an interrupt does not look like the end', async () => {
  const from = server.reports.length;
  const child = start(['send', '-q', '-', url('interrupted')]);
  child.stdin?.write(readFileSync(flv).subarray(0, 100_000));
  await server.report('units', from);
  const done = finish(child);
  child.kill('SIGINT');
  const { code, stderr } = await done;
  assert.equal(code, 130, stderr);
  assert.equal((await server.report('aborted', from)).code, 'CLIENT_GONE');
});

describe('send by RTMP', () => {
  it('says what is wrong with what it is given', async () => {
    const garbage = join(folder.path, 'garbage.bin');
    writeFileSync(garbage, 'no media at all');
    const cut = join(folder.path, 'cut.flv');
    writeFileSync(cut, Buffer.from('464c5601050000000900000000090000ff', 'hex'));
    for (const [args, env, code, text] of [
      [
        [garbage, url('x')],
        { PATH: folder.path },
        1,
        /ffmpeg is not installed[\s\S]*Install ffmpeg/,
      ],
      [[cut, url('x')], {}, 1, /ends within a tag/],
      [[cut, `rtmp://localhost:${server.port()}/live`], {}, 2, /names no app and stream key/],
      [[cut, 'rtmp://127.0.0.1:1/live/key'], {}, 6, /nobody answers at rtmp:\/\/127\.0\.0\.1:1 \(/],
    ] as const) {
      const result = await run(['send', '-q', ...args], { env });
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, text);
      assert.ok(!result.stderr.includes('/key'));
    }
  });
});
