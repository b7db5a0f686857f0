// The page docs/segment-format.md as proof: minimal_reader.py was written from it, and reads here what
// a real server writes for real uploads. Python's standard library only, and none of this project's.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { attach } from '../../../src/worker/index.js';
import { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';

const bounded = { timeout: 240_000 };
const script = fileURLToPath(new URL('./minimal_reader.py', import.meta.url));
const SLOTS = 8;

interface Line {
  readonly event: string;
  readonly id?: number;
  readonly length?: number;
  readonly flag?: number;
  readonly size?: number;
  readonly sha256?: string;
  readonly head?: { method: string; path: string; headers: [string, string][] };
}

/** The reader's process and what it has printed so far. */
class Reader {
  readonly lines: Line[] = [];
  errors = '';
  /** Has ended, and all that it printed is here. */
  #closed = false;
  readonly #child: ChildProcess;

  constructor(socket: string, t: TestContext) {
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
    this.#child = spawn('python3', ['-X', 'dev', '-W', 'error', script, socket], { env });
    let rest = '';
    this.#child.stdout?.on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.lines.push(JSON.parse(line));
    });
    this.#child.stderr?.on('data', (text) => (this.errors += text));
    const closed = once(this.#child, 'close').then(() => {
      this.#closed = true;
    });
    t.after(async () => {
      this.#child.kill('SIGKILL');
      await closed;
    });
  }

  async line(event: string, id?: number): Promise<Line> {
    const find = () => this.lines.find((line) => line.event === event && line.id === id);
    await until(() => find() !== undefined || this.#closed, `the reader's ${event} ${id ?? ''}`);
    return find() ?? assert.fail(this.errors);
  }

  /** Resolves with the exit code. */
  async end(): Promise<number | null> {
    await until(() => this.#closed, 'the reader to end');
    return this.#child.exitCode;
  }
}

async function setUp(t: TestContext) {
  const pools = [
    { name: 'small', streams: 2, slotSize: 2000, requestSlots: 4, responseSlots: 4 },
    { name: 'uploads', streams: 3, requestSlots: SLOTS, responseSlots: 4, stages: ['text'] },
  ];
  const server = await TestServer.start({ workers: 0, segment: { pools } });
  t.after(() => server.stop());
  return { server, socket: server.server.socket };
}

test('it reads an upload of several rounds of the ring while it arrives', bounded, async (t) => {
  const { server, socket } = await setUp(t);
  const worker = await attach({ socket, onEvent: () => undefined });
  t.after(() => worker.stop());
  let answer = () => {};
  const allowed = new Promise<void>((resolve) => (answer = resolve));
  void worker.run(async ({ request, respond }) => {
    await request.body.discard();
    await allowed;
    await respond(204).end();
  });
  const reader = new Reader(socket, t);
  await reader.line('attached');
  const client = request(server.url('/upload/x?y=1'), { method: 'PUT', headers: { 'x-a': 'b' } });
  const body = randomBytes(3 * SLOTS * 50_000);
  const pieces = body.length / 50_000;
  const head = () => reader.line('slot', 1);
  for (let piece = 0, seen = 0; piece < pieces; piece++) {
    client.write(body.subarray(piece * 50_000, (piece + 1) * 50_000));
    // A piece may come as several slots: the next one is sent when all of it was read.
    const read = () => {
      const lines = reader.lines.filter(({ flag }) => flag === 2);
      seen = lines.reduce((sum, { length = 0 }) => sum + length, 0);
      return seen;
    };
    await until(() => read() === (piece + 1) * 50_000 || reader.errors !== '', `piece ${piece}`);
    assert.equal(reader.errors, '');
  }
  client.end();
  assert.equal((await head()).flag, 1);
  const whole = await reader.line('request');
  assert.equal(whole.sha256, createHash('sha256').update(body).digest('hex'));
  assert.equal(whole.size, body.length);
  assert.equal(whole.head?.method, 'PUT');
  assert.equal(whole.head?.path, '/upload/x?y=1');
  assert.ok(whole.head?.headers.some(([name, value]) => name === 'x-a' && value === 'b'));
  assert.ok(reader.lines.filter(({ event }) => event === 'slot').length > 2 * SLOTS);
  assert.equal(await reader.end(), 0);
  answer();
  const [response] = await once(client, 'response');
  assert.equal(response.statusCode, 204);
  response.resume();
});

test(
  'it disturbs nobody: what it is too slow for is overwritten, and it sees that',
  bounded,
  async (t) => {
    const { server, socket } = await setUp(t);
    const worker = await attach({ socket, onEvent: () => undefined });
    t.after(() => worker.stop());
    void worker.run(async ({ request, respond }) => {
      await request.body.discard();
      await respond(200).end('all of it\n');
    });
    const reader = new Reader(socket, t);
    await reader.line('attached');
    const client = request(server.url('/upload'), { method: 'PUT' });
    client.write('first');
    await reader.line('slot', 2);
    // It looks for slot 3 from now on; a whole ring passes it between two of its looks, or it reads all.
    const answered = once(client, 'response');
    client.end(randomBytes(50 * SLOTS * 65_536));
    const [response] = await answered;
    assert.equal(response.statusCode, 200);
    response.resume();
    const code = await reader.end();
    if (code === 0) assert.equal((await reader.line('request')).size, 5 + 50 * SLOTS * 65_536);
    else assert.match(reader.errors, /LAPPED|STALE_STREAM/);
  },
);
