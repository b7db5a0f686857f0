import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Snapshot } from '../../../src/cli/snapshot.js';
import {
  Events,
  endAll,
  finish,
  fixture,
  isAlive,
  run,
  start,
  TestServer,
  temporaryFolder,
  until,
} from './support.js';

const folder = temporaryFolder();
const socket = join(folder.path, 'server.sock');
const echo = fixture('echo.mjs');

after(async () => {
  await endAll();
  folder.remove();
});

async function workers(): Promise<Snapshot['workers']> {
  const { stdout } = await run(['inspect', '--json', '--socket', socket]);
  return stdout ? (JSON.parse(stdout) as Snapshot).workers.filter((one) => one.index > 0) : [];
}

describe('worker', () => {
  it('runs processes, starts dead ones again, waits for the server, and stops', async () => {
    const child = start(['worker', echo, '--socket', socket, '-p', '2', '--name', 'w', '--json']);
    const events = new Events(child);
    const first = await events.next('worker-started');
    await events.next('worker-started');
    const server = await TestServer.start(folder.path);
    await until('both are attached', async () => (await workers()).length === 2);
    process.kill(first.pid as number, 'SIGKILL');
    assert.equal((await events.next('worker-died')).pid, first.pid);
    await events.next('worker-started');
    await until('both are attached again', async () => {
      const pids = (await workers()).map((one) => one.pid);
      return pids.length === 2 && !pids.includes(first.pid as number);
    });
    assert.deepEqual((await workers()).map((one) => one.name).sort(), ['w-1', 'w-2']);
    const pids = (await workers()).map((one) => one.pid);
    const done = finish(child);
    child.kill('SIGTERM');
    assert.equal((await done).code, 0, events.stderr);
    await events.next('stopped');
    for (const pid of pids) assert.equal(isAlive(pid), false);
    assert.equal(await server.stop(), 0);
  });

  it('leaves no process behind when it is killed', async () => {
    const server = await TestServer.start(folder.path);
    const child = start(['worker', echo, '--socket', socket, '--json']);
    const { pid } = await new Events(child).next('worker-started');
    await until('it is attached', async () => (await workers()).length === 1);
    child.kill('SIGKILL');
    await until('the worker ends', () => !isAlive(pid as number));
    assert.equal(await server.stop(), 0);
  });

  it('observes', async () => {
    const server = await TestServer.start(folder.path, ['--set', 'segment.requiredObservers=scan']);
    const child = start(['worker', echo, '--socket', socket, '--observer', 'scan', '--required']);
    await until('it is attached', async () => (await workers()).length === 1);
    const [worker] = await workers();
    assert.deepEqual(
      [worker?.name, worker?.roles, worker?.requiredObserver],
      ['scan', ['observer'], 'scan'],
    );
    const done = finish(child);
    child.kill('SIGINT');
    assert.equal((await done).code, 0);
    assert.equal(await server.stop(), 0);
  });

  it('does not try again what can never work', async () => {
    const none = await run(['worker', join(folder.path, 'none.mjs')]);
    assert.equal(none.code, 2);
    assert.match(none.stderr, /there is no worker module/);
    const wrong = await run(['worker', fixture('no-worker.mjs'), '--socket', socket, '-p', '2']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /the module exports no worker/);
    const alone = await run(['worker', echo, '--required']);
    assert.equal(alone.code, 2);
  });

  it('shows where a module is wrong', async () => {
    const module = join(folder.path, 'wrong.mjs');
    const texts = ['\nconst a = ;\n', '\nthrow new Error("no model");\n'];
    for (const text of texts) {
      writeFileSync(module, text);
      const { code, stderr } = await run(['worker', module, '--socket', socket]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /the worker module could not be loaded: \S*wrong\.mjs/);
      assert.match(stderr, /wrong\.mjs:2/);
    }
  });

  it('says that it waits for a server, once', async () => {
    const child = start(['worker', echo, '--socket', socket, '--json']);
    const events = new Events(child);
    await until('it waits', () => events.stderr.includes('waits for the server'));
    const server = await TestServer.start(folder.path);
    await until('it says so', () => events.stderr.includes('attached to the server'));
    assert.equal(events.stderr.split('waits for the server').length, 2);
    const done = finish(child);
    child.kill('SIGTERM');
    assert.equal((await done).code, 0);
    assert.equal(await server.stop(), 0);
  });

  it('tries a module that has worked again, should it be wrong for a while', async () => {
    const module = join(folder.path, 'changing.mjs');
    const good = 'export default ({ respond }) => respond(200).end();';
    writeFileSync(module, good);
    const server = await TestServer.start(folder.path);
    const child = start(['worker', module, '--socket', socket, '--json']);
    const events = new Events(child);
    const { pid } = await events.next('worker-started');
    // So long a process must live to have started well.
    await until('it has started well', async () =>
      (await workers()).some(({ attachedMs }) => attachedMs > 5000),
    );
    writeFileSync(module, 'export default ;');
    process.kill(pid as number, 'SIGKILL');
    await events.next('worker-died');
    assert.equal((await events.next('worker-died')).code, 78);
    writeFileSync(module, good);
    await until('it is attached again', async () => (await workers()).length === 1);
    const done = finish(child);
    child.kill('SIGTERM');
    assert.equal((await done).code, 0, events.stderr);
    assert.equal(await server.stop(), 0);
  });
});
