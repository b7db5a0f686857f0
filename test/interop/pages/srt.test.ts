import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { decoded } from '../../support/decoded.js';
import type { SrtBody } from '../../support/srt.js';
import { CLIP_FRAMES, makeClip } from './clip.js';
import { pageOf, testLines } from './page.js';
import { PageServer } from './page-server.js';

const page = pageOf('srt.md');
const upload = randomBytes(2_000_001);
const sha256 = createHash('sha256').update(upload).digest('hex');
/** Enough of a live source. */
const LIVE_BYTES = 100_000;
let open: PageServer;
let encrypted: PageServer;

before(async () => {
  const [first = '', second = ''] = page.blocks('yaml');
  const start = (yaml: string) =>
    PageServer.start({
      // A busy machine is late, and what is late is dropped.
      yaml: yaml.replace('enabled: true\n', 'enabled: true\n    latencyMs: 3000\n'),
      ports: { 9710: 'srt', 9711: 'srt', 8080: 'http1 http' },
      worker: 'bytes',
      files: { 'upload.bin': upload },
    });
  open = await start(first);
  encrypted = await start(second);
  for (const server of [open, encrypted]) await makeClip(server.file('clip.ts'));
});
after(async () => {
  await open?.stop();
  await encrypted?.stop();
});

const serverOf = (command: string) => (command.includes('passphrase') ? encrypted : open);

async function run(command: string, server = serverOf(command)) {
  const from = server.reports.length;
  const { code, stdout, stderr } = await server.shell(command);
  assert.equal(code, 0, stderr);
  return { stdout, body: await server.report<SrtBody>('body', from) };
}

async function isClip(server: PageServer, body: SrtBody): Promise<void> {
  const frames = await decoded(body.file, 'v');
  assert.equal(frames.length, CLIP_FRAMES);
  assert.deepEqual(frames, await decoded(server.file('clip.ts'), 'v'));
  assert.deepEqual(await decoded(body.file, 'a'), await decoded(server.file('clip.ts'), 'a'));
}

async function sendClip(command: string): Promise<void> {
  const { body } = await run(command);
  assert.match(body.path, /clip$/);
  await isClip(serverOf(command), body);
}

/** GStreamer leaves without waiting until its end is sent, which a busy machine then does not get. */
async function sendClipByGst(command: string): Promise<void> {
  const { body } = await run(command);
  assert.match(body.path, /clip$/);
  const server = serverOf(command);
  const sent = readFileSync(server.file('clip.ts'));
  if (body.size >= sent.length) await isClip(server, body);
  else assert.deepEqual(readFileSync(body.file), sent.subarray(0, body.size));
}

async function sendFile(command: string): Promise<void> {
  const { stdout, body } = await run(command);
  assert.match(body.path, /upload\.bin/);
  assert.equal(body.sha256, sha256);
  const answered = command.startsWith('upload-response') && !command.includes('streamid=');
  if (answered) assert.equal(JSON.parse(stdout).sha256, sha256);
}

/** What a live source has sent until Ctrl-C. */
async function sendLive(command: string, bytes: number): Promise<SrtBody> {
  const server = serverOf(command);
  const from = server.reports.length;
  const stopAfter = server.received(bytes, from);
  await server.shell(command, { stopAfter });
  await stopAfter;
  return server.report<SrtBody>('body', from);
}

testLines(page, [
  { match: /^ffmpeg -re -i clip/, program: 'ffmpeg', run: sendClip },
  { match: /^gst-launch-1.0 filesrc/, program: 'gst-launch-1.0', run: sendClipByGst },
  {
    match: /\| srt-live-transmit/,
    program: 'srt-live-transmit',
    run: async (command) => {
      const copy = 'ffmpeg -v error -i clip.ts -c copy -f mpegts -y copy.ts';
      assert.equal((await open.shell(copy)).code, 0);
      const sent = readFileSync(open.file('copy.ts'));
      // What is less than a chunk at the end it does not send.
      const chunks = sent.length - (sent.length % 1316);
      const body = await sendLive(command, chunks);
      assert.deepEqual(readFileSync(body.file), sent.subarray(0, chunks));
    },
  },
  { match: /^srt-file-transmit/, program: 'srt-file-transmit', run: sendFile },
  { match: /^upload-response send/, program: 'bash', run: sendFile },
  {
    match: /^gst-launch-1.0 -e/,
    program: 'gst-launch-1.0',
    run: async (command) => {
      const body = await sendLive(command, LIVE_BYTES);
      assert.equal(new Map(body.headers).get('x-srt-stream-id'), '#!::u=camera7,r=live/7/door');
      assert.ok((await decoded(body.file, 'v')).length > 0);
    },
  },
  {
    match: /^id=/,
    program: 'ffmpeg',
    run: async (command) => {
      const from = open.reports.length;
      const { code, stdout, stderr } = await open.shell(command, { env: { TOKEN: 'none' } });
      assert.equal(code, 0, stderr);
      const body = await open.report<SrtBody>('body', from);
      await isClip(open, body);
      assert.equal(JSON.parse(stdout).sha256, body.sha256);
    },
  },
  {
    match: /srt-client\.py/,
    program: 'python3',
    run: async (command) => {
      const { stdout, body } = await run(command, open);
      assert.equal(body.size, 300_000);
      const { sent, answer } = JSON.parse(stdout) as { sent: number; answer: string };
      assert.equal(sent, body.size);
      assert.equal(JSON.parse(answer.slice(answer.indexOf('\n') + 1)).sha256, body.sha256);
    },
  },
]);
