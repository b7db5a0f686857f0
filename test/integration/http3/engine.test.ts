import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Http3Process, type Http3Request } from '../../support/http3-process.js';
import { until, within } from '../../support/until.js';
import { TestListener } from './listener.js';

const client = new Http3Process();
after(() => client.kill());

function post(listener: TestListener, path: string, more: object = {}): Http3Request {
  const authority = `localhost:${listener.port}`;
  const fields = { ':method': 'POST', ':scheme': 'https', ':authority': authority, ':path': path };
  return client.request({ port: listener.port, fields, ...more });
}

/** Does nothing in this process but let the engine's threads run. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('the engine', () => {
  test('takes a request with its trailers, and answers with some', {
    timeout: 240_000,
  }, async () => {
    const listener = await TestListener.start();
    try {
      const request = post(listener, '/trailers');
      await request.write(new Uint8Array(100_000));
      request.end();
      await until(() => listener.requests[0]?.ended === true, 'the request');
      const [seen] = listener.requests;
      assert.equal(seen?.bytes, 100_000);
      assert.equal(seen?.fields.get(':path'), '/trailers');
      assert.equal(seen?.stream.connection.peer, '127.0.0.1');
      seen?.answer(200, new Uint8Array(300_000), [['x-check', 'sum']]);
      await within(request.first('end'), 'the end');
      const bytes = request.reports.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
      assert.equal(bytes, 300_000);
      const { headers } = await within(request.first('trailers'), 'the trailers');
      assert.equal(headers?.['x-check'], 'sum');
      assert.equal(seen?.stream.connection.streams, 0);
      request.close();
    } finally {
      await listener.listener.close();
    }
  });

  test('sends the trailers of a response that its client takes late', {
    timeout: 240_000,
  }, async () => {
    const listener = await TestListener.start();
    const late = new Http3Process();
    try {
      const authority = `localhost:${listener.port}`;
      const fields = { ':method': 'POST', ':scheme': 'https', ':authority': authority };
      const request = late.request({
        port: listener.port,
        fields: { ...fields, ':path': '/late' },
      });
      request.end();
      await until(() => listener.requests[0]?.ended === true, 'the request');
      late.kill('SIGSTOP');
      const body = new Uint8Array(2_300_000);
      listener.requests[0]?.answer(200, body, [['x-check', 'sum']]);
      await new Promise((resolve) => setTimeout(resolve, 500));
      late.kill('SIGCONT');
      await within(request.first('end'), 'the end');
      const bytes = request.reports.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
      assert.equal(bytes, body.length);
      const { headers } = await within(request.first('trailers'), 'the trailers');
      assert.equal(headers?.['x-check'], 'sum');
    } finally {
      late.kill();
      await listener.listener.close();
    }
  });

  test('holds clients back while it is paused, and goes on', { timeout: 240_000 }, async () => {
    const burstBytes = 2 ** 21;
    const listener = await TestListener.start({ burstBytes });
    try {
      const request = post(listener, '/paused');
      const part = new Uint8Array(2 ** 20);
      await request.write(part);
      await until(() => (listener.requests[0]?.bytes ?? 0) > 0, 'the first bytes');
      const [seen] = listener.requests;
      listener.listener.pause();
      const before = seen?.bytes ?? 0;
      let written = 1;
      const pour = (async () => {
        for (; written < 200; written++) await request.write(part);
        request.end();
      })();
      // The client writes until flow control stops it: then its count stands still.
      let last = -1;
      await until(async () => {
        const same = last === written && written > 1;
        last = written;
        await new Promise((resolve) => setTimeout(resolve, 300));
        return same && last === written;
      }, 'the client to be stopped');
      assert.ok(written < 200, 'the client was not held back');
      const came = (seen?.bytes ?? 0) - before;
      assert.ok(came <= 2 * burstBytes, `${came} bytes came after the pause`);
      assert.equal(seen?.ended, false);
      listener.listener.resume();
      await within(pour, 'the rest to be written');
      await until(() => seen?.ended === true, 'the end');
      assert.equal(seen?.bytes, 200 * part.length);
      request.close();
    } finally {
      await listener.listener.close();
    }
  });

  test('gives no client the response of another one', { timeout: 240_000 }, async () => {
    // So few connections are served by one thread, which gives a number to the next one at once.
    const listener = await TestListener.start({ maxConnections: 2 });
    try {
      for (let round = 0; round < 3; round++) {
        const from = listener.requests.length;
        const first = post(listener, '/first');
        await until(() => listener.requests.length > from, 'the first request');
        const seen = listener.requests[from];
        first.close(300);
        const second = post(listener, '/second', { delayMs: 600 });
        // While the client follows its orders this process learns nothing.
        await within(second.first('ordered'), 'the client to have its orders');
        block(1200);
        seen?.answer(200, Buffer.from('for the first one'));
        await until(() => listener.requests.length > from + 1, 'the second request');
        listener.requests[from + 1]?.answer(201, Buffer.from('for the second one'));
        const { headers } = await within(second.first('response'), 'a response');
        assert.equal(headers?.[':status'], '201');
        await within(second.first('end'), 'the end');
        const text = second.reports.map(({ data }) => Buffer.from(data ?? '').toString()).join('');
        assert.equal(text, 'for the second one');
        assert.equal(seen?.isGone, true);
        second.close();
        await until(() => listener.connections.size === 0, 'both connections to end');
      }
    } finally {
      await listener.listener.close();
    }
  });

  test('tells of clients that reset, leave, or fall silent', { timeout: 240_000 }, async () => {
    const listener = await TestListener.start({ idleTimeoutMs: 3000 });
    const other = new Http3Process();
    try {
      const reset = post(listener, '/reset');
      await until(() => listener.requests.length === 1, 'the first request');
      reset.reset(0x10c);
      await until(() => listener.requests[0]?.isGone === true, 'the reset');
      const left = post(listener, '/left');
      await until(() => listener.requests.length === 2, 'the second request');
      left.close();
      await until(() => listener.requests[1]?.isGone === true, 'the end of the connection');
      const { port } = listener;
      const fields = {
        ...{ ':method': 'POST', ':scheme': 'https' },
        ...{ ':authority': `localhost:${port}`, ':path': '/silent' },
      };
      other.request({ port, fields });
      await until(() => listener.requests.length === 3, 'the third request');
      other.kill();
      await until(() => listener.requests[2]?.isGone === true, 'the silence');
      reset.close();
    } finally {
      other.kill();
      await listener.listener.close();
    }
  });

  test('keeps a connection that waits for its answer', { timeout: 240_000 }, async () => {
    const listener = await TestListener.start({ idleTimeoutMs: 2500 });
    try {
      const request = post(listener, '/waits');
      request.end();
      await until(() => listener.requests[0]?.ended === true, 'the request');
      await new Promise((resolve) => setTimeout(resolve, 5000));
      listener.requests[0]?.answer(200, Buffer.from('late'));
      await within(request.first('end'), 'the answer');
      request.close();
    } finally {
      await listener.listener.close();
    }
  });

  test('ends a connection when its client has everything', { timeout: 240_000 }, async () => {
    const listener = await TestListener.start();
    try {
      const request = post(listener, '/large');
      request.end();
      await until(() => listener.requests[0]?.ended === true, 'the request');
      const [seen] = listener.requests;
      const size = 5 * 2 ** 20;
      seen?.answer(200, new Uint8Array(size));
      await until(() => seen?.stream.connection.streams === 0, 'the answer to be sent');
      seen?.stream.connection.finish();
      await within(request.first('end'), 'all of the answer');
      const bytes = request.reports.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
      assert.equal(bytes, size);
      await until(() => listener.connections.size === 0, 'the connection to end');
    } finally {
      await listener.listener.close();
    }
  });

  test('clients that vanish do not keep the others waiting', { timeout: 240_000 }, async () => {
    const listener = await TestListener.start();
    const vanished = new Http3Process();
    try {
      const { port } = listener;
      const fields = {
        ...{ ':method': 'POST', ':scheme': 'https' },
        ...{ ':authority': `localhost:${port}`, ':path': '/vanishes' },
      };
      const count = 24;
      for (let i = 0; i < count; i++) vanished.request({ port, fields }).end();
      await until(
        () => listener.requests.filter(({ ended }) => ended).length === count,
        'the requests',
      );
      const waiting = [...listener.requests];
      vanished.kill('SIGSTOP');
      // More than the engine keeps for all clients together.
      for (const seen of waiting) seen.answer(200, new Uint8Array(5 * 2 ** 20));
      const request = post(listener, '/lives');
      request.end();
      await until(() => listener.requests.length > count, 'a request of another client');
      listener.requests[count]?.answer(200, new Uint8Array(2 ** 20));
      await within(request.first('end'), 'its answer');
      await until(() => waiting.some(({ isGone }) => isGone), 'one that vanished to be cut');
      request.close();
    } finally {
      vanished.kill();
      await listener.listener.close();
    }
  });

  test('notices a port that another socket has, and leaves no key behind', async () => {
    const before = process.env.TMPDIR;
    const own = mkdtempSync(join(tmpdir(), 'ur-key-'));
    // Of its own: other processes have keys in the common one.
    process.env.TMPDIR = own;
    try {
      const listener = await TestListener.start();
      try {
        const again = TestListener.start({ port: listener.port });
        await assert.rejects(again, { code: 'EADDRINUSE' });
        assert.deepEqual(readdirSync(own), []);
        assert.equal(process.env.TMPDIR, own);
      } finally {
        await listener.listener.close();
      }
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
      rmSync(own, { recursive: true });
    }
  });
});
