import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { DataChannel } from 'node-datachannel';
import { sample, sha256 } from '../../conformance/tools.js';
import { PATIENT } from '../../support/patience.js';
import { TestServer } from '../../support/test-server.js';
import { until, within } from '../../support/until.js';
import { connectWhip, Heard, type WhipSession } from '../../support/webrtc-client.js';

const SIZE = 10_000_003;
const MESSAGE = 65_536;
const WINDOW = 4 * MESSAGE;
const TIMEOUT = { timeout: 120_000 };

let server: TestServer;

before(async () => {
  server = await TestServer.start({
    ...PATIENT,
    transports: {
      webrtc: {
        enabled: true,
        windowBytes: WINDOW,
        channelBudgetBytes: 1_048_576,
        closeTimeoutMs: 500,
        maxChannels: 3,
      },
    },
  });
});
after(() => server?.stop());

const connect = (behaviour: string, label?: string) =>
  connectWhip(server.url(`/whip/room/${behaviour}`), label);
const connections = (of = server) => of.server.stats().transports.webrtc?.connections;
const end = (channel: DataChannel) => channel.sendMessage(JSON.stringify({ type: 'end' }));

/** Sends a body as a client that heeds windows does. */
async function send(channel: DataChannel, heard: Heard, body: Uint8Array): Promise<void> {
  for (let at = 0; at < body.length && !heard.ended; at += MESSAGE) {
    const part = body.subarray(at, at + MESSAGE);
    await until(() => heard.ended || heard.window >= at + part.length, 'a window', 60_000);
    if (!heard.ended) channel.sendMessageBinary(part);
  }
}

async function leave({ peer }: WhipSession, from = server): Promise<void> {
  peer.close();
  await from.free();
  await until(() => connections(from) === 0, 'the session to be over');
}

test('a channel is a request, and its answer comes back on it', TIMEOUT, async () => {
  const session = await connect('hash');
  const heard = new Heard(session.channel);
  const body = sample(SIZE);
  await send(session.channel, heard, body);
  end(session.channel);
  await within(heard.over, 'the end of the answer');
  assert.equal(heard.text('head')?.status, 200);
  assert.deepEqual(JSON.parse(heard.body).sha256, sha256(body));
  await leave(session);
});

test('workers see room, peer, label and the fields of the client', TIMEOUT, async () => {
  const session = await connect('head?x=1', 'a label/ü');
  const heard = new Heard(session.channel);
  const headers = [
    ['X-Own', 'yes'],
    ['x-webrtc-room', 'another'],
  ];
  session.channel.sendMessage(JSON.stringify({ type: 'open', headers, length: 0 }));
  end(session.channel);
  await within(heard.over, 'the end of the answer');
  assert.deepEqual(JSON.parse(heard.body), [
    ['x-webrtc-room', 'room'],
    ['x-webrtc-peer-id', 'head'],
    ['x-peer-addr', '127.0.0.1'],
    ['x-webrtc-channel', 'a%20label%2F%C3%BC'],
    ['x-own', 'yes'],
    ['content-length', '0'],
  ]);
  await leave(session);
});

test('several channels are several requests, each with its answer', TIMEOUT, async () => {
  const session = await connect('echo');
  const channels = [session.channel, session.peer.createDataChannel('second')];
  const answers = channels.map((channel) => new Heard(channel));
  const bodies = [sample(3_000_000), sample(1_000_001)];
  await Promise.all(
    channels.map(async (channel, i) => {
      const heard = answers[i] as Heard;
      await until(() => channel.isOpen(), 'the channel to be open');
      await send(channel, heard, bodies[i] as Uint8Array);
      // An empty message ends it too.
      channel.sendMessageBinary(new Uint8Array(0));
      await within(heard.over, 'the end of the answer');
    }),
  );
  for (const [i, heard] of answers.entries()) {
    assert.equal(sha256(...heard.parts), sha256(bodies[i] as Uint8Array));
    assert.deepEqual(
      heard.texts.filter(({ type }) => type !== 'window').map(({ type }) => type),
      ['head', 'end'],
    );
  }
  await leave(session);
});

test('a client that heeds no windows is stopped by the budget', TIMEOUT, async () => {
  const session = await connect('idle');
  const heard = new Heard(session.channel);
  // The lane takes 8 slots of 64 KB, the budget 1 MB.
  for (let i = 0; i < 64; i++) session.channel.sendMessageBinary(sample(MESSAGE));
  await within(heard.over, 'the end of the answer');
  assert.equal(heard.text('error')?.error, 'BACKLOG_LIMIT');
  assert.equal(heard.text('error')?.status, 503);
  await until(() => heard.closed, 'the channel to be closed');
  await leave(session);
});

test('windows stop a client while the worker is slow', TIMEOUT, async () => {
  const session = await connect('stuck');
  const heard = new Heard(session.channel);
  let sent = 0;
  const allowed = () => heard.window >= sent + MESSAGE;
  // So much fits into the lane and the window; then no window comes.
  while (waiting() < WINDOW - MESSAGE) {
    await until(() => allowed() || waiting() >= WINDOW - MESSAGE, 'a window, or a full one');
    if (!allowed()) break;
    session.channel.sendMessageBinary(sample(MESSAGE));
    sent += MESSAGE;
  }
  assert.ok(sent > WINDOW && sent <= 8 * MESSAGE + WINDOW + MESSAGE, `${sent} bytes`);
  assert.equal(heard.text('error'), undefined);
  session.peer.close();
  await until(() => connections() === 0, 'the session to be over');
  const { worker } = server;
  await worker.kill();
  await server.keepWorkers(1);
  await server.free();
});

const waiting = () => server.server.ingress.stats().waitingBytes;

test('what a client must not send is said, and ends its request', TIMEOUT, async () => {
  const open = JSON.stringify({ type: 'open' });
  const cases: readonly (readonly [string, (string | Uint8Array)[]])[] = [
    ['BAD_MESSAGE', ['no JSON']],
    ['BAD_MESSAGE', ['{"type":"unknown"}']],
    ['BAD_MESSAGE', [open, open]],
    ['BAD_MESSAGE', [new Uint8Array(1), new Uint8Array(0), new Uint8Array(1)]],
    ['BAD_REQUEST', ['{"type":"open","length":5}', new Uint8Array(6)]],
    ['BAD_REQUEST', ['{"type":"open","length":5}', new Uint8Array(4), new Uint8Array(0)]],
    ['HEAD_TOO_LARGE', [`{"type":"${'x'.repeat(20_000)}"}`]],
    ['HPKS_BAD_HEADER_VALUE', ['{"type":"open","headers":[["a","b\\u0000"]]}']],
  ];
  for (const [code, messages] of cases) {
    const session = await connect('silent');
    const heard = new Heard(session.channel);
    for (const message of messages) {
      if (typeof message === 'string') session.channel.sendMessage(message);
      else session.channel.sendMessageBinary(message);
    }
    await within(heard.over, `the error ${code}`);
    assert.equal(heard.text('error')?.error, code);
    await leave(session);
  }
});

test('what happens to a worker reaches the client', TIMEOUT, async () => {
  const limits = { noWorkerTimeoutMs: 500 };
  const impatient = await TestServer.start({ limits, transports: { webrtc: { enabled: true } } });
  const cases = [
    [impatient, 'nobody', 'NO_WORKER', 503],
    [server, 'fail', 'WORKER_FAILED', 502],
    [server, 'fail?head=1', 'WORKER_FAILED', 502],
  ] as const;
  try {
    for (const [where, behaviour, code, status] of cases) {
      const session = await connectWhip(where.url(`/whip/room/${behaviour}`));
      const heard = new Heard(session.channel);
      session.channel.sendMessageBinary(sample(1000));
      end(session.channel);
      await within(heard.over, code);
      assert.deepEqual([heard.text('error')?.error, heard.text('error')?.status], [code, status]);
      await leave(session, where);
    }
  } finally {
    await impatient.stop();
  }
});

test('a worker that dies before it answers costs the client nothing', TIMEOUT, async () => {
  await server.addWorker();
  const mark = encodeURIComponent(server.file('died'));
  const session = await connect(`die-once?mark=${mark}`);
  const heard = new Heard(session.channel);
  session.channel.sendMessageBinary(sample(1000));
  end(session.channel);
  await within(heard.over, 'the answer');
  assert.equal(JSON.parse(heard.body).sha256, sha256(sample(1000)));
  await server.keepWorkers(1);
  await leave(session);
});

test('a client that closes its channel, or goes, gives its request up', TIMEOUT, async () => {
  for (const go of [
    ({ channel }: WhipSession) => channel.close(),
    ({ peer }: WhipSession) => peer.close(),
    ({ channel }: WhipSession) => channel.sendMessage('{"type":"abort"}'),
  ]) {
    const reports = server.worker.reports.length;
    const session = await connect('silent');
    session.channel.sendMessageBinary(sample(1000));
    await server.worker.report('reading', reports);
    go(session);
    assert.equal((await server.worker.report('failed', reports)).abort, 'CLIENT_GONE');
    await leave(session);
  }
});

test('an answer of any size comes whole, to a client that reads it', TIMEOUT, async () => {
  const session = await connect('bytes?n=8000000');
  const heard = new Heard(session.channel);
  end(session.channel);
  await within(heard.over, 'the end of the answer', 60_000);
  assert.equal(heard.text('error'), undefined);
  assert.equal(heard.body, 'a'.repeat(8_000_000));
  await leave(session);
});

test('more channels than are allowed are closed', TIMEOUT, async () => {
  const session = await connect('silent');
  const more = [1, 2, 3].map((i) => session.peer.createDataChannel(`more ${i}`));
  const heard = more.map((channel) => new Heard(channel));
  await until(() => heard.filter(({ closed }) => closed).length === 1, 'one to be closed');
  await leave(session);
});
