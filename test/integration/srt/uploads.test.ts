import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { after, before, test } from 'node:test';
import { runSrtClient, SrtServer } from '../../support/srt.js';
import { until } from '../../support/until.js';

const TIMEOUT_MS = 120_000;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let server: SrtServer;
before(async () => {
  // What is late in live mode is dropped, and a busy machine is late.
  server = await SrtServer.start({ latencyMs: 3000 });
});
after(() => server.stop());

/** The two parts of an answer. */
function parts(answer = ''): { head: { status: number }; body: string } {
  const end = answer.indexOf('\n');
  return { head: JSON.parse(answer.slice(0, end)), body: answer.slice(end + 1) };
}

for (const type of ['stream', 'file'] as const) {
  const flags = type === 'file' ? ['--file'] : [];

  test(`t=${type} on one port: who declares a length is answered`, {
    timeout: TIMEOUT_MS,
  }, async () => {
    const body = randomBytes(300_000);
    const id = `#!::r=a/b,t=${type},user_len=${body.length},user_x=pad-200000`;
    const from = server.reports.length;
    const port = String(server.port('live'));
    const { answer, sent } = await runSrtClient([port, '--stream-id', id, ...flags], body);
    assert.equal(sent, body.length);
    const { head, body: text } = parts(answer);
    assert.equal(head.status, 200);
    const said = JSON.parse(text) as { sha256: string; padding: string };
    assert.equal(said.sha256, sha256(body));
    assert.equal(said.padding.length, 200_000);
    const report = await server.report('body', from);
    assert.equal(report.path, `/srt/${id.replace('#', '%23')}`);
    const headers = new Map(report.headers);
    assert.equal(headers.get('x-srt-stream-id'), id);
    assert.match(headers.get('x-peer-addr') ?? '', /^127\.0\.0\.1:\d+$/);
    assert.equal(headers.get('content-length'), String(body.length));
    await server.server.free();
  });
}

test('a body longer than it says is refused, and one that is shorter aborted', {
  timeout: TIMEOUT_MS,
}, async () => {
  const port = String(server.port('live'));
  const file = ['--file', '--stream-id'];
  const long = await runSrtClient([port, ...file, '#!::r=x,t=file,user_len=10'], randomBytes(11));
  assert.deepEqual(parts(long.answer).head.status, 400);
  const from = server.reports.length;
  const short = [port, ...file, '#!::r=x,t=file,user_len=1000', '--no-answer'];
  await runSrtClient(short, randomBytes(10));
  await server.server.free();
  // It may have ended before the worker has seen it.
  assert.ok(!server.reports.slice(from).some(({ event }) => event === 'body'));
});

for (const type of ['stream', 'file'] as const) {
  test(`t=${type}: an answer that is there before the body, which is larger than the lane`, {
    timeout: TIMEOUT_MS,
  }, async () => {
    const id = `#!::r=early,t=${type},user_len=20000000`;
    const flags = type === 'file' ? ['--file'] : [];
    const args = [String(server.port('live')), '--stream-id', id, ...flags];
    const { answer } = await runSrtClient(args, randomBytes(20_000_000));
    const { head, body } = parts(answer);
    assert.deepEqual([head.status, body], [200, 'early']);
    await server.server.free();
  });
}

test('a body that may not be so long', { timeout: TIMEOUT_MS }, async () => {
  const small = await SrtServer.start({}, { limits: { maxBodyBytes: 100_000 } });
  try {
    const port = String(small.port('live'));
    const args = ['--file', '--no-answer', '--stream-id'];
    const id = '9f86d081884c7d659f86';
    await runSrtClient([port, ...args, `#!::r=a,t=file,user_answer=${id}`], randomBytes(150_000));
    const http = small.server.server.addresses.find(({ transport }) => transport === 'http1');
    const fetched = () => fetch(`http://127.0.0.1:${http?.port}/srt-answers/${id}`);
    await until(async () => (await fetched()).status !== 404, 'the answer');
    const answer = await fetched();
    assert.equal(answer.status, 413);
    const { error, message } = (await answer.json()) as { error: string; message: string };
    assert.equal(error, 'BODY_TOO_LARGE');
    assert.match(message, /it passed 100000 bytes/);
    await small.server.free();
  } finally {
    await small.stop();
  }
});

test('without a length the end of the connection is the end', { timeout: TIMEOUT_MS }, async () => {
  const from = server.reports.length;
  const body = randomBytes(100_000);
  const args = ['--file', '--stream-id', 'name.bin', '--no-answer'];
  await runSrtClient([String(server.port('file')), ...args], body);
  const report = await server.report('body', from);
  assert.equal(report.sha256, sha256(body));
  assert.equal(new Map(report.headers).has('content-length'), false);
  await server.server.free();
});

test('no byte is lost of a sender that has left while the lane was full', {
  timeout: TIMEOUT_MS,
}, async () => {
  const small = await SrtServer.start(
    {},
    {
      segment: { pools: [{ name: 'uploads', streams: 2, slotSize: 4096, requestSlots: 4 }] },
    },
  );
  try {
    const body = randomBytes(8_000_000);
    const args = ['--file', '--stream-id', 'name.bin', '--no-answer'];
    await runSrtClient([String(small.port('file')), ...args], body);
    assert.equal((await small.report('body')).sha256, sha256(body));
  } finally {
    await small.stop();
  }
});

test('no packet is lost of a live sender that leaves before they are due', {
  timeout: TIMEOUT_MS,
}, async () => {
  const late = await SrtServer.start({ latencyMs: 2000 });
  try {
    const body = randomBytes(200_000);
    const args = ['--stream-id', 'live', '--acknowledged', '--no-answer'];
    await runSrtClient([String(late.port('live')), ...args], body);
    assert.equal((await late.report('body')).sha256, sha256(body));
    await late.server.free();
  } finally {
    await late.stop();
  }
});

test('datagrams that are no SRT disturb nobody', { timeout: TIMEOUT_MS }, async () => {
  const socket = createSocket('udp4');
  const port = server.port('live');
  for (let size = 0; size < 1500; size += 7) {
    await new Promise((sent) => socket.send(randomBytes(size), port, '127.0.0.1', sent));
  }
  // A handshake of version 5 whose extensions are noise.
  const handshake = randomBytes(200);
  handshake.writeUInt32BE(0x80000000, 0);
  handshake.writeUInt32BE(0, 12);
  handshake.writeUInt32BE(5, 16);
  for (let i = 0; i < 100; i++) {
    randomBytes(150).copy(handshake, 50);
    await new Promise((sent) => socket.send(handshake, port, '127.0.0.1', sent));
  }
  socket.close();
  const id = '#!::r=after,user_len=5';
  const { answer } = await runSrtClient([String(port), '--stream-id', id], Buffer.from('hello'));
  assert.equal(parts(answer).head.status, 200);
});

test('packets are counted', { timeout: TIMEOUT_MS }, async () => {
  const count = () => server.server.server.stats().transports.srt?.packets?.receivedTotal ?? 0;
  await until(() => count() > 0, 'packets to be counted');
});
