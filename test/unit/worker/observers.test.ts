import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Exchange, Observation } from '../../../src/worker/index.js';
import { bounded, code, deferred, Fixture, until } from './fixture.js';
import type { TinyExchange } from './tiny-server.js';

const answer = async (exchange: Exchange) => {
  await exchange.respond(200).end(await exchange.request.text());
};

const collect = async (work: Observation | Exchange) => {
  const parts: Buffer[] = [];
  for await (const chunk of work.request.body) parts.push(Buffer.from(chunk.bytes));
  return Buffer.concat(parts).toString();
};

function verdict(fixture: Fixture, upload: TinyExchange) {
  return fixture.server.segment.native.verdicts(upload.id)[0];
}

async function send(upload: TinyExchange, parts: number): Promise<void> {
  for (let i = 0; i < parts; i++) await upload.write(`${i} `);
  await upload.end();
}

test('observers read every stream beside the one that answers', bounded, async (t) => {
  const fixture = new Fixture(t);
  const seen: string[] = [];
  for (let i = 0; i < 2; i++) {
    const observer = await fixture.observer({ observer: true });
    void observer.run(async (observation) => {
      assert.equal(observation.required, false);
      assert.throws(() => observation.veto(), code('UNSUPPORTED'));
      seen.push(await collect(observation));
    });
  }
  const worker = await fixture.worker();
  void worker.run(answer);
  const uploads = [fixture.server.open(), fixture.server.open()];
  const bodies = uploads.map((upload) => upload.response());
  // A plain observer that comes after the first slots have gone leaves the stream out.
  const { native } = fixture.server.segment;
  await until(() => uploads.every(({ id }) => native.readerCount(id, 0) === 4));
  await Promise.all(uploads.map((upload) => send(upload, 30)));
  const expected = Array.from({ length: 30 }, (_, i) => `${i} `).join('');
  for (const body of bodies) assert.equal((await body).body, expected);
  await until(() => seen.length === 4);
  assert.deepEqual(new Set(seen), new Set([expected]));
  assert.deepEqual(fixture.failures, []);
});

test('a required observer passes or vetoes', bounded, async (t) => {
  const fixture = new Fixture(t, { requiredObservers: ['scanner'] });
  const scanner = await fixture.observer({ observer: { name: 'scanner', required: true } });
  void scanner.run(async (observation) => {
    assert.equal(observation.required, true);
    const body = await collect(observation);
    assert.throws(() => observation.veto(200), code('INVALID_ARGUMENT'));
    if (body.includes('virus')) observation.veto(418, 'it holds a virus');
    else observation.pass();
    assert.equal(observation.decided, true);
    observation.veto(500, 'only the first verdict counts');
  });
  const good = fixture.server.open();
  await good.write('good');
  await good.end();
  await until(() => verdict(fixture, good)?.state === 'passed');
  const bad = fixture.server.open();
  await bad.write('virus');
  await bad.end();
  await until(() => verdict(fixture, bad)?.state === 'vetoed');
  assert.deepEqual(
    [verdict(fixture, bad)?.status, verdict(fixture, bad)?.reason],
    [418, 'it holds a virus'],
  );
  await Promise.all([good.close(), bad.close()]);
});

test('whoever cannot judge does not let pass', bounded, async (t) => {
  const fixture = new Fixture(t, { requiredObservers: ['scanner'] });
  const scanner = await fixture.observer({ observer: { name: 'scanner', required: true } });
  void scanner.run(async (observation) => {
    if (observation.request.path === '/throws') throw new Error('mine');
    if (observation.request.path === '/evicted') await collect(observation);
  });
  for (const path of ['/throws', '/forgets']) {
    const upload = fixture.server.open({ path });
    await until(() => verdict(fixture, upload)?.state === 'vetoed');
    assert.equal(verdict(fixture, upload)?.status, 502);
  }
  const evicted = fixture.server.open({ path: '/evicted' });
  await until(() => verdict(fixture, evicted)?.state === 'held');
  evicted.evict(scanner.index);
  await until(() => verdict(fixture, evicted)?.state === 'vetoed');
  await until(() => fixture.failures.length === 3);
  assert.deepEqual(fixture.failures.slice(1), ['WORKER_FAILED', 'EVICTED']);
});

test(
  'observers of one name share the duty, and inherit it from one that dies',
  bounded,
  async (t) => {
    const fixture = new Fixture(t, { requiredObservers: ['scanner'] });
    const option = { observer: { name: 'scanner', required: true } } as const;
    const held: string[] = [];
    const gate = deferred();
    const first = await fixture.observer(option);
    const second = await fixture.observer(option);
    for (const [name, observer] of [
      ['first', first],
      ['second', second],
    ] as const) {
      void observer.run(async (observation) => {
        held.push(name);
        if (held.length === 1) await gate.promise;
        observation.pass();
      });
    }
    const upload = fixture.server.open();
    await until(() => held.length === 1);
    const [holder, heir] = held[0] === 'first' ? [first, 'second'] : [second, 'first'];
    await holder.stop({ deadlineMs: 0 });
    // The heir may hear of the stream only now, and then it takes the duty at once.
    await until(() => verdict(fixture, upload)?.orphaned || held.length > 1);
    fixture.server.segment.native.announceAll(upload.id);
    await until(() => verdict(fixture, upload)?.state === 'passed');
    assert.deepEqual(held.slice(1), [heir]);
    gate.resolve();
  },
);

test('an observer that the server does not know is refused', bounded, async (t) => {
  const fixture = new Fixture(t);
  const option = { observer: { name: 'nobody', required: true } } as const;
  await assert.rejects(fixture.observer(option), code('UNKNOWN_OBSERVER'));
  await assert.rejects(
    fixture.observer({ observer: { name: '', required: true } }),
    code('INVALID_ARGUMENT'),
  );
});

test('a stream whose first slots are gone is left out', bounded, async (t) => {
  const fixture = new Fixture(t);
  const worker = await fixture.worker();
  const upload = fixture.server.open();
  const gate = deferred();
  void worker.run(async (exchange) => {
    for (let i = 0; i < 20; i++) await exchange.request.body.pull();
    await gate.promise;
    await answer(exchange);
  });
  for (let i = 0; i < 25; i++) await upload.write('x');
  const observer = await fixture.observer({ observer: true });
  void observer.run(() => assert.fail('it was not whole'));
  await until(() => fixture.events.some(({ type }) => type === 'missed'));
  gate.resolve();
  await upload.end();
  assert.equal((await upload.response()).status, 200);
});
