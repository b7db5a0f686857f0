import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attach, type Exchange } from '../../../src/worker/index.js';
import { bounded, code, deferred, Fixture, until } from './fixture.js';
import { socketFolder } from './tiny-server.js';

const answer = async (exchange: Exchange) => {
  await exchange.respond(200).end(exchange.request.path);
};

test('stop finishes what runs and takes nothing new', bounded, async (t) => {
  const fixture = new Fixture(t);
  const worker = await fixture.worker();
  const gate = deferred();
  const begun = deferred();
  const done = worker.run(async (exchange) => {
    begun.resolve();
    await gate.promise;
    await answer(exchange);
  });
  const running = fixture.server.open({ path: '/running' });
  await begun.promise;
  const stopped = worker.stop();
  assert.equal(worker.state, 'stopping');
  const refused = fixture.server.open({ path: '/refused' });
  await new Promise(setImmediate);
  gate.resolve();
  await stopped;
  await done;
  assert.equal(worker.state, 'stopped');
  assert.equal((await running.response()).body, '/running');
  assert.equal(fixture.server.segment.native.ownerOf(refused.id, 1), -1);
  await until(() => fixture.server.segment.native.workers().length === 1);
  await worker.stop();
  assert.equal((await worker[Symbol.asyncIterator]().next()).done, true);
});

test('after the deadline work is aborted, and its stream is offered again', bounded, async (t) => {
  const fixture = new Fixture(t);
  const stuck = await fixture.worker();
  const reason = deferred<unknown>();
  void stuck.run(async (exchange) => {
    exchange.signal.addEventListener('abort', () => reason.resolve(exchange.signal.reason));
    await new Promise(() => {});
  });
  const upload = fixture.server.open({ path: '/again' });
  const response = until(() => fixture.server.deaths === 1).then(() => upload.response());
  await until(() => stuck.inFlight === 1);
  await stuck.stop({ deadlineMs: 1 });
  assert.equal(((await reason.promise) as { code: string }).code, 'SHUTTING_DOWN');
  const other = await fixture.worker();
  void other.run(answer);
  assert.equal((await response).body, '/again');
});

test('a second stop may be less patient than the first', bounded, async (t) => {
  const fixture = new Fixture(t);
  const worker = await fixture.worker();
  void worker.run(() => new Promise(() => {}));
  fixture.server.open();
  await until(() => worker.inFlight === 1);
  const patient = worker.stop();
  await worker.stop({ deadlineMs: 1 });
  await patient;
  assert.equal(worker.state, 'stopped');
});

test('an aborted signal stops the worker', bounded, async (t) => {
  const fixture = new Fixture(t);
  const controller = new AbortController();
  const worker = await fixture.worker({ signal: controller.signal });
  const done = worker.run(answer);
  controller.abort();
  await done;
  assert.equal(worker.state, 'stopped');
});

test('it attaches again by itself when the server restarts', bounded, async (t) => {
  const fixture = new Fixture(t);
  const worker = await fixture.worker();
  const reasons: string[] = [];
  const begun = deferred();
  void worker.run(async (exchange) => {
    if (exchange.request.path !== '/before') return answer(exchange);
    begun.resolve();
    await new Promise<void>((resolve) => {
      exchange.signal.addEventListener('abort', () => {
        reasons.push((exchange.signal.reason as { code: string }).code);
        resolve();
      });
    });
    throw new Error('after an abort this is nobody’s concern');
  });
  fixture.server.open({ path: '/before' });
  await begun.promise;
  fixture.restart();
  assert.equal((await fixture.server.open({ path: '/after' }).response()).body, '/after');
  assert.deepEqual(reasons, ['SERVER_GONE']);
  assert.deepEqual(fixture.failures, []);
  const types = fixture.events.map(({ type }) => type).filter((type) => type !== 'waiting');
  assert.deepEqual(types, ['attached', 'detached', 'attached']);
});

test('without reconnect the worker ends with SERVER_GONE', bounded, async (t) => {
  const fixture = new Fixture(t);
  const worker = await fixture.worker({ reconnect: false });
  const waiting = worker[Symbol.asyncIterator]().next();
  fixture.restart();
  await assert.rejects(waiting, code('SERVER_GONE'));
  await assert.rejects(worker.closed, code('SERVER_GONE'));
  await assert.rejects(worker[Symbol.asyncIterator]().next(), code('SERVER_GONE'));
  assert.equal(worker.state, 'stopped');
});

test('attach rejects without a server, or waits for one', bounded, async (t) => {
  const { socket, clean } = socketFolder();
  t.after(clean);
  await assert.rejects(attach({ socket }), code('SERVER_GONE'));
  const controller = new AbortController();
  const waited = deferred();
  const worker = attach({
    socket,
    waitForServer: true,
    signal: controller.signal,
    onEvent: (event) => event.type === 'waiting' && waited.resolve(),
  });
  await waited.promise;
  controller.abort();
  const stopped = await worker;
  await stopped.closed;
  await assert.rejects(attach({ socket, signal: controller.signal }), { name: 'AbortError' });
});
