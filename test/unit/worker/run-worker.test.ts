import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Exchange, runWorker } from '../../../src/worker/index.js';
import { bounded, code, Fixture, until } from './fixture.js';

const handle = async (exchange: Exchange) => {
  await exchange.respond(200).end('handled');
};

/** A module as text; it must not import anything. */
const module = (text: string) => `data:text/javascript,${encodeURIComponent(text)}`;

test('every kind of module runs', bounded, async (t) => {
  const fixture = new Fixture(t);
  const common = { socket: fixture.socket, handleSignals: false };
  const modules: (string | object)[] = [
    handle,
    { default: handle },
    { handle },
    { default: { fetch: () => new Response('handled') } },
    module(`export default async (exchange) => exchange.respond(200).end('handled')`),
    module(`
      export const options = { name: 'mine', concurrency: 3, paths: ['/upload'] };
      export default { text: 'handled', handle(e) { return e.respond(200).end(this.text); } };`),
  ];
  for (const one of modules) {
    const worker = await runWorker(one, common);
    assert.equal((await fixture.server.open().response()).body, 'handled');
    await worker.stop();
  }
});

test('a module may attach by itself, and wait for its worker or not', bounded, async (t) => {
  const fixture = new Fixture(t);
  const sdk = new URL('../../../src/worker/index.ts', import.meta.url).href;
  t.after(() => {
    delete process.env.UR_SOCKET;
    delete process.env.UR_WORKER_NAME;
  });
  for (const wait of ['await', 'void']) {
    const text = module(`
      import { attach } from '${sdk}';
      const worker = await attach({ concurrency: 2 });
      ${wait} worker.run(({ respond }) => respond(200).end('${wait}'));`);
    const worker = await runWorker(text, {
      socket: fixture.socket,
      name: 'self',
      handleSignals: false,
    });
    assert.equal(worker.concurrency, 2);
    const rows = fixture.server.segment.native.workers();
    assert.equal(rows.find(({ index }) => index === worker.index)?.name, 'self');
    assert.equal((await fixture.server.open().response()).body, wait);
    await worker.stop();
  }
  const gone = module(`import { attach } from '${sdk}'; await attach();`);
  const socket = `${fixture.socket}-none`;
  await assert.rejects(runWorker(gone, { socket, handleSignals: false }), code('SERVER_GONE'));
});

test('the module’s options count where none are given', bounded, async (t) => {
  const fixture = new Fixture(t);
  const text = module(`
    export const options = { name: 'mine', concurrency: 3 };
    export default () => undefined;`);
  const worker = await runWorker(text, {
    socket: fixture.socket,
    handleSignals: false,
    concurrency: 5,
    name: undefined,
  });
  fixture.onEnd(() => worker.stop());
  assert.equal(worker.concurrency, 5);
  const rows = fixture.server.segment.native.workers();
  assert.equal(rows.find(({ index }) => index === worker.index)?.name, 'mine');
});

test('an observer module gets observations', bounded, async (t) => {
  const fixture = new Fixture(t, { requiredObservers: ['scanner'] });
  const worker = await runWorker(
    {
      options: { observer: { name: 'scanner', required: true } },
      default: (observation: { pass(): void }) => observation.pass(),
    },
    { socket: fixture.socket, handleSignals: false },
  );
  const upload = fixture.server.open();
  const { native } = fixture.server.segment;
  await until(() => native.verdicts(upload.id)[0]?.state === 'passed');
  await worker.stop();
});

test('what is no worker is refused', bounded, async (t) => {
  const fixture = new Fixture(t);
  const options = { socket: fixture.socket, handleSignals: false };
  for (const bad of [
    {},
    { default: 1 },
    { default: null },
    { default: handle, options: 1 },
    { default: { fetch: handle }, options: { observer: true } },
    module('export const x = 1'),
  ]) {
    await assert.rejects(runWorker(bad, options), code('INVALID_WORKER_MODULE'));
  }
  for (const bad of [
    module('syntax error'),
    module('throw 5'),
    module('throw new Error("no model")'),
    './does-not-exist.mjs',
  ]) {
    await assert.rejects(runWorker(bad, options), code('WORKER_MODULE_FAILED'));
  }
});
