import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Exchange, Observation } from '../../../src/worker/index.js';
import { bounded, code, Fixture, until } from './fixture.js';

async function streamOf(fixture: Fixture) {
  const upload = fixture.server.open({ path: '/rtmp/live/a' });
  const worker = await fixture.worker();
  const exchange = (await worker[Symbol.asyncIterator]().next()).value as Exchange;
  const chunks = exchange.request.body[Symbol.asyncIterator]();
  /** Writes and reads, so that the ring goes round. */
  const pass = async (text: string) => {
    await upload.write(text);
    const { value } = await chunks.next();
    assert.equal(Buffer.from(value?.bytes ?? []).toString(), text);
  };
  return { upload, pass };
}

async function textOf(observation: Observation, count: number): Promise<string[]> {
  const texts: string[] = [];
  for await (const chunk of observation.request.body) {
    texts.push(Buffer.from(chunk.bytes).toString());
    if (texts.length === count) break;
  }
  return texts;
}

test('a late worker has the head and begins with the newest keyframe', bounded, async (t) => {
  const fixture = new Fixture(t);
  const { upload, pass } = await streamOf(fixture);
  for (let i = 0; i < 20; i++) await pass(`old ${i}`);
  await upload.beginKeyframe();
  await pass('key');
  await pass('delta');
  const observer = await fixture.observer({ observer: true, from: 'keyframe' });
  const late = (await observer[Symbol.asyncIterator]().next()).value as Observation;
  assert.equal(late.request.path, '/rtmp/live/a');
  assert.deepEqual(await textOf(late, 2), ['key', 'delta']);
});

test('where the keyframe has gone, the next one is waited for', bounded, async (t) => {
  const fixture = new Fixture(t);
  const { upload, pass } = await streamOf(fixture);
  await upload.beginKeyframe();
  for (let i = 0; i < 30; i++) await pass(`old ${i}`);
  const observer = await fixture.observer({ observer: true, from: 'keyframe' });
  const coming = observer[Symbol.asyncIterator]().next();
  await until(() => observer.state === 'attached');
  await pass('older');
  await upload.beginKeyframe();
  await pass('key');
  const late = (await coming).value as Observation;
  assert.deepEqual(await textOf(late, 1), ['key']);
});

test('one that was there from the beginning has everything', bounded, async (t) => {
  const fixture = new Fixture(t);
  const observer = await fixture.observer({ observer: true, from: 'keyframe' });
  const coming = observer[Symbol.asyncIterator]().next();
  const { pass } = await streamOf(fixture);
  const early = (await coming).value as Observation;
  await pass('first');
  await pass('second');
  assert.deepEqual(await textOf(early, 2), ['first', 'second']);
});

test('newest: only what comes', bounded, async (t) => {
  const fixture = new Fixture(t);
  const { pass } = await streamOf(fixture);
  await pass('old');
  const observer = await fixture.observer({ observer: true, from: 'newest' });
  const late = (await observer[Symbol.asyncIterator]().next()).value as Observation;
  await pass('new');
  assert.deepEqual(await textOf(late, 1), ['new']);
});

test('a required observer judges the whole', bounded, async (t) => {
  const fixture = new Fixture(t, { requiredObservers: ['scan'] });
  const wanted = { observer: { name: 'scan', required: true }, from: 'keyframe' } as const;
  await assert.rejects(fixture.observer(wanted), code('INVALID_ARGUMENT'));
  const unknown = { observer: true, from: 'end' as 'start' } as const;
  await assert.rejects(fixture.observer(unknown), code('INVALID_ARGUMENT'));
});
