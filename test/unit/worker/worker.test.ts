import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UploadResponseError } from '../../../src/errors/index.js';
import type { Exchange } from '../../../src/worker/index.js';
import { bounded, code, deferred, Fixture, until } from './fixture.js';

const answer = async (exchange: Exchange) => {
  await exchange.respond(200).end(exchange.request.path);
};

test('streams that were there before the worker are taken', bounded, async (t) => {
  const fixture = new Fixture(t);
  const uploads = [1, 2, 3].map((n) => fixture.server.open({ path: `/${n}` }));
  const worker = await fixture.worker();
  void worker.run(answer);
  const bodies = await Promise.all(uploads.map(async (upload) => (await upload.response()).body));
  assert.deepEqual(bodies, ['/1', '/2', '/3']);
});

test('each stream goes to exactly one of several workers', bounded, async (t) => {
  const fixture = new Fixture(t, { pool: { streams: 64 } });
  const counts = new Map<number, number>();
  for (let i = 0; i < 3; i++) {
    const worker = await fixture.worker({ concurrency: 4 });
    void worker.run(async (exchange) => {
      counts.set(worker.index, (counts.get(worker.index) ?? 0) + 1);
      for await (const _ of exchange.request.body);
      await answer(exchange);
    });
  }
  const one = async (n: number) => {
    const upload = fixture.server.open({ path: `/${n}` });
    const response = upload.response();
    await upload.write('x');
    await upload.end();
    assert.equal((await response).body, `/${n}`);
    await upload.close();
  };
  for (let round = 0; round < 10; round++) {
    await Promise.all(Array.from({ length: 30 }, (_, n) => one(round * 30 + n)));
  }
  const taken = [...counts.values()];
  assert.equal(
    taken.reduce((a, b) => a + b),
    300,
  );
  assert.equal(taken.length, 3, 'every worker had its share');
  assert.deepEqual(fixture.failures, []);
});

test('no more streams at once than the concurrency', bounded, async (t) => {
  const fixture = new Fixture(t);
  const worker = await fixture.worker({ concurrency: 2 });
  const gates: (() => void)[] = [];
  let running = 0;
  void worker.run(async (exchange) => {
    running++;
    const gate = deferred();
    gates.push(gate.resolve);
    await gate.promise;
    await answer(exchange);
    running--;
  });
  const uploads = [1, 2, 3, 4, 5].map((n) => fixture.server.open({ path: `/${n}` }));
  const responses = uploads.map((upload) => upload.response());
  const row = () =>
    fixture.server.segment.native.workers().find(({ index }) => index === worker.index);
  await until(() => running === 2);
  assert.deepEqual([row()?.capacity, row()?.inFlight], [2, 2]);
  for (let done = 0; done < 5; done++) {
    await until(() => gates.length > done);
    assert.ok(running <= 2);
    assert.ok(worker.inFlight <= 2);
    gates[done]?.();
  }
  await Promise.all(responses);
  await until(() => worker.inFlight === 0);
  assert.equal(row()?.inFlight, 0);
});

test('a busy loop takes nothing that an idle worker could have', bounded, async (t) => {
  const fixture = new Fixture(t);
  const busy = await fixture.worker();
  const first = fixture.server.open({ path: '/first' });
  const exchange = (await busy[Symbol.asyncIterator]().next()).value as Exchange;
  const second = fixture.server.open({ path: '/second' });
  const idle = await fixture.worker();
  void idle.run(answer);
  assert.equal((await second.response()).body, '/second');
  await answer(exchange);
  assert.equal((await first.response()).body, '/first');
});

test('paths and filter choose; who does not want a stream passes it on', bounded, async (t) => {
  const fixture = new Fixture(t);
  const seen: string[] = [];
  const pictures = await fixture.worker({ paths: ['/pictures'] });
  void pictures.run(async (exchange) => {
    seen.push(`pictures ${exchange.request.path}`);
    await answer(exchange);
  });
  const large = await fixture.worker({ filter: (head) => head.headers.length > 0 });
  void large.run(async (exchange) => {
    seen.push(`headers ${exchange.request.path}`);
    await answer(exchange);
  });
  for (let i = 0; i < 3; i++) {
    await fixture.server.open({ path: '/pictures/1?x' }).response();
    await fixture.server.open({ path: '/picturesque', headers: [['a', 'b']] }).response();
  }
  assert.equal(seen.filter((line) => line === 'pictures /pictures/1?x').length, 3);
  assert.equal(seen.filter((line) => line === 'headers /picturesque').length, 3);
});

test(
  'a filter that throws, and a head that is not valid, leave the worker alive',
  bounded,
  async (t) => {
    const fixture = new Fixture(t);
    const worker = await fixture.worker({
      filter: ({ path }) => {
        if (path === '/bad') throw new Error('filter');
        return true;
      },
    });
    void worker.run(answer);
    fixture.server.open({ path: '/bad' });
    await until(() => fixture.failures.length === 1);
    assert.equal((await fixture.server.open({ path: '/good' }).response()).body, '/good');
  },
);

test('a handler that throws or forgets to answer fails its stream at once', bounded, async (t) => {
  const fixture = new Fixture(t);
  const worker = await fixture.worker();
  void worker.run(async (exchange) => {
    if (exchange.request.path === '/throws') throw new Error('mine');
    if (exchange.request.path === '/code') throw new UploadResponseError('BODY_TOO_LARGE');
    if (exchange.request.path === '/half') await exchange.respond(200).write('x');
  });
  for (const [path, expected] of [
    ['/throws', 'WORKER_FAILED'],
    ['/code', 'BODY_TOO_LARGE'],
    ['/nothing', 'WORKER_FAILED'],
    ['/half', 'WORKER_FAILED'],
  ] as const) {
    const upload = fixture.server.open({ path });
    await assert.rejects(upload.response(), code(expected), path);
    await upload.close();
  }
  assert.equal(fixture.failures.length, 4);
  assert.equal((fixture.failures[0] as Error).message, 'mine');
});

test(
  'a loop answers one after the other, and what it leaves unanswered is failed',
  bounded,
  async (t) => {
    const fixture = new Fixture(t);
    const worker = await fixture.worker();
    const loop = (async () => {
      for await (const exchange of worker) {
        if (exchange.request.path === '/forgotten') continue;
        if (exchange.request.path === '/later') void exchange.respond(200).end('late');
        else if (exchange.request.path === '/beside') void exchange.run(answer);
        else if (exchange.request.path === '/last') break;
        else await answer(exchange);
      }
    })();
    const ask = (path: string) => fixture.server.open({ path }).response();
    assert.equal((await ask('/a')).body, '/a');
    await assert.rejects(ask('/forgotten'), code('WORKER_FAILED'));
    assert.equal((await ask('/later')).body, 'late');
    assert.equal((await ask('/beside')).body, '/beside');
    await assert.rejects(ask('/last'), code('WORKER_FAILED'));
    await loop;
    assert.equal(worker.state, 'attached');
  },
);
