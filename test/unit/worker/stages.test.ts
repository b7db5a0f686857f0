import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attach, type Exchange } from '../../../src/worker/index.js';
import { bounded, code, Fixture, until } from './fixture.js';

test(
  'a pipeline: an observer and a second one prepare what the responder answers with',
  bounded,
  async (t) => {
    const fixture = new Fixture(t);
    const upper = await fixture.observer({ observer: true });
    void upper.run(async (observation) => {
      const stage = observation.stage('first');
      for await (const chunk of observation.request.body) {
        await stage.write(Buffer.from(chunk.bytes).toString().toUpperCase());
      }
      await stage.end();
    });
    const mark = await fixture.observer({ observer: true });
    void mark.run(async (observation) => {
      void observation.request.body.discard();
      const stage = observation.stage('second');
      for await (const chunk of observation.readStage('first')) {
        await stage.write(chunk.bytes);
        await stage.write('!');
      }
      await stage.end();
    });
    const worker = await fixture.worker();
    void worker.run(async (exchange) => {
      const response = exchange.respond(200);
      const discarded = exchange.request.body.discard();
      for await (const chunk of exchange.readStage('second')) await response.write(chunk.bytes);
      await discarded;
      await response.end();
    });
    const upload = fixture.server.open();
    const response = upload.response();
    await until(() => fixture.server.segment.native.readerCount(upload.id, 0) === 4);
    for (let i = 0; i < 20; i++) await upload.write(`part${i} `);
    await upload.end();
    const { body } = await response;
    const expected = Array.from({ length: 20 }, (_, i) => `PART${i} `).join('');
    assert.equal(body.replaceAll('!', ''), expected);
    assert.ok(body.endsWith('!'));
    assert.deepEqual(fixture.failures, []);
  },
);

test('a stage whose writer fails ends with the error, not with an end', bounded, async (t) => {
  const fixture = new Fixture(t);
  const observer = await fixture.observer({ observer: true });
  void observer.run(async (observation) => {
    const stage = observation.stage('first');
    await stage.write('half');
    stage.flush();
    throw new Error('mine');
  });
  const worker = await fixture.worker();
  const read: string[] = [];
  void worker.run(async (exchange) => {
    await assert.rejects(async () => {
      for await (const chunk of exchange.readStage('first')) {
        read.push(Buffer.from(chunk.bytes).toString());
      }
    }, code('WORKER_FAILED'));
    await exchange.respond(200).end('survived');
  });
  assert.equal((await fixture.server.open().response()).body, 'survived');
  assert.deepEqual(read, ['half']);
});

test('a stage whose writer dies ends with WORKER_DIED', bounded, async (t) => {
  const fixture = new Fixture(t);
  const upload = fixture.server.open();
  const observer = await attach({ socket: fixture.socket, observer: true });
  void observer.run(async (observation) => {
    await observation.stage('first').write('half');
    await new Promise(() => {});
  });
  await until(() => fixture.server.segment.native.lastOf(upload.id, 2) === 1);
  const worker = await fixture.worker();
  const exchange = (await worker[Symbol.asyncIterator]().next()).value as Exchange;
  const stage = exchange.readStage('first');
  assert.equal((await stage.pull())?.length, 4);
  const reading = stage.pull();
  await observer.stop({ deadlineMs: 0 });
  await assert.rejects(reading, code('WORKER_DIED'));
});

test('stages are claimed once and known by name', bounded, async (t) => {
  const fixture = new Fixture(t);
  fixture.server.open();
  const worker = await fixture.worker();
  const exchange = (await worker[Symbol.asyncIterator]().next()).value as Exchange;
  exchange.stage('first');
  assert.throws(() => exchange.stage('first'), code('ALREADY_CLAIMED'));
  assert.throws(() => exchange.stage('third'), code('UNKNOWN_STAGE'));
  assert.throws(() => exchange.readStage('third'), code('UNKNOWN_STAGE'));
});
