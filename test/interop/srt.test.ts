import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { type Printed, runProgram, testWith } from '../support/program.js';
import { SrtServer } from '../support/srt.js';
import { until } from '../support/until.js';

const MB = 10 ** 6;
const CHUNK = 1316;
const TIMEOUT_MS = 240_000;
const PASSPHRASE = 'a passphrase of the tests';
/** What is late is dropped: a busy machine is late. */
const LATENCY_MS = 3000;

/** Hashes of the decoded frames and sound of a clip, in the order of each: times may begin elsewhere. */
async function frames(file: string): Promise<string[]> {
  const { stdout, code, stderr } = await ffmpeg(['-i', file, '-f', 'framemd5', '-']);
  assert.equal(code, 0, stderr);
  const lines = stdout.split('\n').filter((line) => /^\d/.test(line));
  const fields = lines.map((line) => line.split(',').map((field) => field.trim()));
  return ['0', '1'].flatMap((stream) =>
    fields.filter(([one]) => one === stream).map((line) => `${stream} ${line.at(-1)}`),
  );
}

function ffmpeg(args: readonly string[]): Promise<Printed> {
  return runProgram('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', ...args], 180);
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Keys of libsrt's address for one way to encrypt. */
function query(keyBytes: number): string {
  return keyBytes === 0 ? '' : `&passphrase=${PASSPHRASE}&pbkeylen=${keyBytes}`;
}

for (const keyBytes of [0, 16, 32]) {
  const secret = keyBytes === 0 ? {} : { passphrase: PASSPHRASE };
  const name = keyBytes === 0 ? 'plain' : `AES-${keyBytes * 8}`;

  testWith(
    'ffmpeg',
    `ffmpeg, live, ${name}: the same frames and sound, packets whole`,
    () => withServer({ ...secret, latencyMs: LATENCY_MS }, (server) => pushClip(server, keyBytes)),
    TIMEOUT_MS,
  );

  testWith(
    'srt-file-transmit',
    `srt-file-transmit of 100 MB, ${name}: the same bytes`,
    () => withServer(secret, (server) => sendFile(server, keyBytes)),
    TIMEOUT_MS,
  );
}

testWith(
  'srt-live-transmit',
  'srt-live-transmit of a live pipe: the same bytes',
  () => withServer({ latencyMs: LATENCY_MS }, sendPipe),
  TIMEOUT_MS,
);

async function withServer(
  srt: Parameters<typeof SrtServer.start>[0],
  use: (server: SrtServer) => Promise<void>,
): Promise<void> {
  const server = await SrtServer.start(srt);
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

async function pushClip(server: SrtServer, keyBytes: number): Promise<void> {
  const clip = server.server.file('clip.ts');
  const sources = [
    ...['-f', 'lavfi', '-i', 'testsrc2=size=1920x1080:rate=25'],
    ...['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
  ];
  const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-c:a', 'aac'];
  const made = await ffmpeg([...sources, '-t', '4', ...codecs, '-f', 'mpegts', clip]);
  assert.equal(made.code, 0, made.stderr);
  const to = `srt://127.0.0.1:${server.port('live')}?streamid=clip&pkt_size=1316&linger=10`;
  const address = `${to}${query(keyBytes)}`;
  const pushed = await ffmpeg(['-re', '-i', clip, '-c', 'copy', '-f', 'mpegts', address]);
  assert.equal(pushed.code, 0, pushed.stderr);
  const body = await server.report('body');
  assert.equal(body.path, '/srt/clip');
  assert.deepEqual(await frames(body.file), await frames(clip));
  for (const slot of body.slots) assert.equal(slot % 188, 0, `a slot of ${slot} bytes`);
}

/** It sends a file faster than it can and drops what is late: a pipe at the speed of the clip. It stays
 *  connected behind the end of its input until it is told to leave. */
async function sendPipe(server: SrtServer): Promise<void> {
  const clip = server.server.file('clip.ts');
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25', '-t', '3'];
  const made = await ffmpeg([...source, '-c:v', 'libx264', '-g', '25', '-f', 'mpegts', clip]);
  assert.equal(made.code, 0, made.stderr);
  // Copied by ffmpeg a second time it is not byte for byte the same file.
  const again = server.server.file('again.ts');
  const copied = await ffmpeg(['-i', clip, '-c', 'copy', '-f', 'mpegts', again]);
  assert.equal(copied.code, 0, copied.stderr);
  const sent = readFileSync(again);
  const to = `srt://127.0.0.1:${server.port('live')}?streamid=pipe`;
  const paced = `ffmpeg -v error -re -i '${clip}' -c copy -f mpegts -`;
  const relay = `exec srt-live-transmit -q -chunk:${CHUNK} file://con '${to}'`;
  // A group of its own, which holds all of the line.
  const line = spawn('sh', ['-c', `${paced} | (${relay})`], { detached: true, stdio: 'ignore' });
  const ended = once(line, 'close');
  try {
    const { file } = await server.report('opened');
    const size = () => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    // What is less than a chunk at the end it may keep.
    await until(() => size() >= sent.length - (sent.length % CHUNK), 'all of it', 60_000);
  } finally {
    process.kill(-(line.pid as number), 'SIGINT');
    await ended;
  }
  const body = await server.report('body');
  assert.equal(body.path, '/srt/pipe');
  assert.deepEqual(readFileSync(body.file), sent.subarray(0, body.size));
  assert.ok(body.size > sent.length - CHUNK, `${body.size} of ${sent.length} bytes`);
}

async function sendFile(server: SrtServer, keyBytes: number): Promise<void> {
  const data = randomBytes(100 * MB);
  const file = server.server.file('upload.bin');
  writeFileSync(file, data);
  // It sets the file's name as stream id when its handshake is under way already, and so now and then
  // too late; an option of the address is in time.
  const options = `mode=caller&streamid=upload.bin${query(keyBytes)}`;
  const to = `srt://127.0.0.1:${server.port('file')}/upload.bin?${options}`;
  const { code, stderr } = await runProgram('srt-file-transmit', [`file://${file}`, to], 180);
  assert.equal(code, 0, stderr);
  const body = await server.report('body');
  assert.equal(body.path, '/srt/upload.bin');
  assert.equal(body.size, data.length);
  assert.equal(body.sha256, sha256(data));
}
