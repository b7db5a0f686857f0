import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Snapshot, StreamSnapshot } from '../../../src/cli/snapshot.js';
import {
  Events,
  endAll,
  endOf,
  fixture,
  Gate,
  type Result,
  run,
  start,
  TestServer,
  temporaryFolder,
  until,
} from './support.js';

const folder = temporaryFolder();
const gate = new Gate();
const file = join(folder.path, 'body.bin');
const size = 5_000_000;
let server: TestServer;
let upload: Promise<Result>;

before(async () => {
  writeFileSync(file, Buffer.alloc(size));
  const env = { UR_TEST_GATE: await gate.listen() };
  server = await TestServer.start(folder.path, ['--worker', fixture('echo.mjs')], { env });
  upload = run(['send', '-q', file, `${server.url()}/some/path?token=secret`]);
});

after(async () => {
  gate.close();
  await endAll();
  folder.remove();
});

async function inspect(...args: string[]): Promise<Result> {
  return run(['inspect', '--socket', server.socket, ...args]);
}

async function snapshot(): Promise<Snapshot> {
  return JSON.parse((await inspect('--json')).stdout) as Snapshot;
}

describe('a stalled upload, seen from outside', () => {
  let stream: StreamSnapshot;

  it('shows its lanes, readers, claim and head', async () => {
    let seen = await snapshot();
    await until('the ring is full', async () => {
      seen = await snapshot();
      return seen.streams[0]?.lanes[0]?.full ?? false;
    });
    stream = seen.streams[0] as StreamSnapshot;
    assert.deepEqual(stream.head, { method: 'PUT', path: '/upload/some/path?…' });
    assert.deepEqual([stream.pool, stream.state, stream.transport], ['uploads', 'open', 'http1']);
    const [request, response] = stream.lanes;
    assert.deepEqual([request?.name, request?.slots, request?.last], ['request', 32, 32]);
    const reader = request?.readers.find((one) => one.name === 'echo');
    assert.ok(reader && reader.lag >= 15, JSON.stringify(request));
    assert.deepEqual([response?.name, response?.owner?.name], ['response', 'echo']);
    assert.ok((response?.last ?? 0) >= 1);
  });

  it('shows the workers and the pool', async () => {
    const seen = await snapshot();
    assert.equal(seen.segment.serverPid, server.listening.pid);
    assert.deepEqual(
      seen.segment.pools.map(({ name, streams, inUse }) => [name, streams, inUse]),
      [['uploads', 4, 1]],
    );
    const [ingress, worker] = seen.workers;
    assert.deepEqual([ingress?.name, ingress?.roles], ['server', ['ingress']]);
    assert.deepEqual([worker?.name, worker?.roles, worker?.claims], ['echo', ['responder'], 1]);
    assert.ok((worker?.lag ?? 0) >= 15);
  });

  it('is one of the lines of a table, and has a page of its own', async () => {
    const table = await inspect();
    assert.equal(table.code, 0);
    assert.match(table.stdout, new RegExp(`${stream.id} +PUT /upload/some/path\\?… +stalled`));
    const page = await inspect(String(stream.id));
    assert.match(page.stdout, /full: the writer waits/);
    assert.match(page.stdout, /reader echo \(\d+\): at slot \d+, lag \d+/);
    const json = JSON.parse((await inspect(String(stream.id), '--json')).stdout);
    assert.equal(json.id, stream.id);
    const unknown = await inspect('1');
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, new RegExp(`no stream 1 is open\\nOpen are ${stream.id}`));
  });

  it('is watched by top', async () => {
    const args = ['top', '--socket', server.socket, '-i', '50ms'];
    const json = await run([...args, '-n', '3', '--json']);
    const looks = json.stdout.trim().split('\n');
    assert.equal(looks.length, 3);
    const last = JSON.parse(looks[2] as string);
    assert.deepEqual(last.rates.streams[stream.id], { inBytesPerSecond: 0, outBytesPerSecond: 0 });
    const text = await run([...args, '-n', '1']);
    assert.match(text.stdout, /rate in .*\/s, out .*\/s/);
    assert.equal(text.stdout.includes('\u001b'), false);
  });

  it('goes on as if nobody had looked', async () => {
    gate.open();
    const result = await upload;
    assert.deepEqual([result.code, result.stdout], [0, `${size} bytes\n`], result.stderr);
    const seen = await snapshot();
    assert.deepEqual(seen.streams, []);
    assert.equal(seen.workers.length, 2);
  });

  it('ends top with the server', async () => {
    const top = start(['top', '--socket', server.socket, '-i', '50ms', '--json']);
    const lines = new Events(top);
    await until('it looks', () => lines.count > 0);
    assert.equal(await server.stop(), 0, server.events.stderr);
    assert.deepEqual(await endOf(top), [6, null]);
  });

  it('is told that no server is there', async () => {
    for (const command of ['inspect', 'top']) {
      const result = await run([command, '--socket', join(folder.path, 'none.sock')]);
      assert.equal(result.code, 6);
      assert.match(result.stderr, /the server is not running: .*none\.sock/);
    }
  });
});
