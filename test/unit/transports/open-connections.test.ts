import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UploadResponseError } from '../../../src/errors/index.js';
import { OpenConnections } from '../../../src/transports/open-connections.js';

const never = new AbortController().signal;

/** Two open connections; `cut` closes them, as a destroyed socket does, in a later turn. */
function opened() {
  const cut: string[] = [];
  const connections = new OpenConnections<string>((one) => {
    cut.push(one);
    setImmediate(() => connections.delete(one));
  });
  connections.add('a');
  connections.add('b');
  return { connections, cut };
}

/** Whether a promise has resolved by the next turn of the event loop. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  let done = false;
  void promise.then(() => {
    done = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

describe('OpenConnections', () => {
  test('counts connections, requests and refusals', () => {
    const { connections } = opened();
    connections.request();
    connections.refused(new UploadResponseError('BAD_REQUEST'));
    connections.refused(new UploadResponseError('BAD_REQUEST'));
    connections.delete('a');
    connections.delete('a');
    assert.deepEqual([...connections], ['b']);
    assert.deepEqual(connections.stats(), {
      connections: 1,
      connectionsTotal: 2,
      requestsTotal: 1,
      refusedTotal: { BAD_REQUEST: 2 },
    });
  });

  test('a drain ends when the last connection has, and cuts none', async () => {
    const { connections, cut } = opened();
    let drainingThen = false;
    const drained = connections.drain(never, () => {
      drainingThen = connections.draining;
    });
    assert.equal(drainingThen, true);
    connections.delete('a');
    assert.equal(await isDone(drained), false);
    connections.delete('b');
    await drained;
    assert.deepEqual(cut, []);
  });

  test('connections that end within `finish` are not waited for', async () => {
    const { connections } = opened();
    await connections.drain(never, () => {
      for (const one of connections) connections.delete(one);
    });
    assert.equal(connections.size, 0);
  });

  test('the signal cuts what is left, before the drain and in it', async () => {
    const late = opened();
    const controller = new AbortController();
    const drained = late.connections.drain(controller.signal, () => {});
    late.connections.delete('a');
    controller.abort();
    await drained;
    assert.deepEqual(late.cut, ['b']);

    const early = opened();
    await early.connections.drain(AbortSignal.abort(), () => {});
    assert.deepEqual(early.cut, ['a', 'b']);
  });

  test('a signal after the drain cuts nothing', async () => {
    const { connections, cut } = opened();
    const controller = new AbortController();
    const drained = connections.drain(controller.signal, () => {});
    for (const one of [...connections]) connections.delete(one);
    await drained;
    connections.add('c');
    controller.abort();
    assert.deepEqual(cut, []);
  });

  test('close cuts, resolves when all are closed, and may come again, also within a drain', async () => {
    const { connections, cut } = opened();
    const drained = connections.drain(never, () => {});
    await Promise.all([connections.close(), drained]);
    await connections.close();
    assert.deepEqual(cut, ['a', 'b']);
    assert.equal(connections.draining, true);
  });
});
