import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hono } from 'hono';
import { stream } from 'hono/streaming';
import { type FetchHandler, serve } from '../../../src/worker/index.js';
import { bounded, code, deferred, Fixture, until } from './fixture.js';

async function serving(fixture: Fixture, handler: FetchHandler) {
  const worker = await serve(handler, {
    socket: fixture.socket,
    onEvent: (event) => fixture.events.push(event),
  });
  fixture.onEnd(() => worker.stop({ deadlineMs: 0 }));
  return worker;
}

test('a fetch handler gets a request and gives a response', bounded, async (t) => {
  const fixture = new Fixture(t);
  await serving(fixture, async (request, { exchange }) => {
    assert.equal(exchange.request.path, '/a?b=1');
    return new Response(`${request.method} ${request.url} ${await request.text()}`, {
      status: 201,
      headers: [
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
        ['x-got', request.headers.get('x-sent') ?? ''],
      ],
    });
  });
  const upload = fixture.server.open({
    path: '/a?b=1',
    scheme: 'https',
    authority: 'example.com:8443',
    headers: [['X-Sent', 'yes']],
  });
  const answer = upload.response();
  await upload.write('grü');
  await upload.write('ße');
  await upload.end();
  const { status, headers, body } = await answer;
  assert.equal(status, 201);
  assert.equal(body, 'POST https://example.com:8443/a?b=1 grüße');
  assert.deepEqual(
    headers.filter(([name]) => name !== 'content-type'),
    [
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['x-got', 'yes'],
    ],
  );
});

test('a Hono app runs unchanged and streams both ways at once', bounded, async (t) => {
  const fixture = new Fixture(t);
  const app = new Hono();
  app.post('/echo/:name', (c) => {
    c.header('x-name', c.req.param('name'));
    return stream(c, async (out) => {
      const body = c.req.raw.body as ReadableStream<Uint8Array>;
      for await (const chunk of body) await out.write(chunk);
    });
  });
  await serving(fixture, app.fetch);
  const upload = fixture.server.open({ path: '/echo/big' });
  const answer = upload.response();
  await upload.write('first ');
  await until(() => upload.responseLast >= 2);
  for (let i = 0; i < 100; i++) await upload.write(`part ${i} `);
  await upload.end();
  const { headers, body } = await answer;
  assert.ok(headers.some(([name, value]) => name === 'x-name' && value === 'big'));
  assert.equal(body, `first ${Array.from({ length: 100 }, (_, i) => `part ${i} `).join('')}`);
  assert.equal((await fixture.server.open({ path: '/none' }).response()).status, 404);
});

test('a byte reader, and a clone, read the same body', bounded, async (t) => {
  const fixture = new Fixture(t);
  await serving(fixture, async (request) => {
    const clone = request.clone();
    const reader = (request.body as ReadableStream).getReader({ mode: 'byob' });
    let read = '';
    for (;;) {
      const { value, done } = await reader.read(new Uint8Array(3));
      if (done) break;
      read += Buffer.from(value).toString();
    }
    return new Response(`${read}|${await clone.text()}`);
  });
  const upload = fixture.server.open();
  const answer = upload.response();
  await upload.write('hello ');
  await upload.write('world');
  await upload.end();
  assert.equal((await answer).body, 'hello world|hello world');
});

test(
  'a body that the handler cancels, or cannot read, does not stop the upload',
  bounded,
  async (t) => {
    const fixture = new Fixture(t);
    let gate = deferred();
    await serving(fixture, (request) => {
      void request.body?.cancel();
      const body = new ReadableStream({
        async pull(controller) {
          await gate.promise;
          controller.enqueue(Buffer.from('done'));
          controller.close();
        },
      });
      return new Response(body);
    });
    for (const method of ['POST', 'GET']) {
      gate = deferred();
      const upload = fixture.server.open({ method });
      for (let i = 0; i < 50; i++) await upload.write('x');
      await upload.end();
      gate.resolve();
      assert.equal((await upload.response()).body, 'done');
    }
  },
);

test('the request’s body may be the response’s', bounded, async (t) => {
  const fixture = new Fixture(t);
  await serving(fixture, (request) => new Response(request.body));
  const upload = fixture.server.open();
  const answer = upload.response();
  for (let i = 0; i < 50; i++) await upload.write(`${i} `);
  await upload.end();
  assert.equal((await answer).body, Array.from({ length: 50 }, (_, i) => `${i} `).join(''));
});

test('GET, HEAD and methods that fetch does not know', bounded, async (t) => {
  const fixture = new Fixture(t);
  let cancelled = 0;
  await serving(fixture, (request) => {
    assert.equal(request.body, null);
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(Buffer.from('x')),
      cancel: () => void cancelled++,
    });
    return request.method === 'HEAD' ? new Response(body) : new Response('got');
  });
  const ask = (head: object) => fixture.server.open(head).response();
  assert.equal((await ask({ method: 'GET' })).body, 'got');
  assert.deepEqual((await ask({ method: 'HEAD' })).body, '');
  assert.equal(cancelled, 1);
  assert.equal((await ask({ method: 'TRACE' })).status, 400);
  assert.equal((await ask({ path: 'nonsense' })).status, 400);
  assert.equal((await ask({ method: 'GET', path: '//evil.com/x' })).body, 'got');
});

test('an abort reaches the handler and its response', bounded, async (t) => {
  const fixture = new Fixture(t);
  const request$ = deferred<Request>();
  const cancelled = deferred<unknown>();
  await serving(fixture, (request) => {
    request$.resolve(request);
    return new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(4096)),
        cancel: (reason) => cancelled.resolve(reason),
      }),
    );
  });
  const upload = fixture.server.open();
  const request = await request$.promise;
  await until(() => upload.responseLast === 4);
  upload.abort('CLIENT_GONE');
  assert.ok(code('CLIENT_GONE')(await cancelled.promise));
  await until(() => request.signal.aborted);
  assert.ok(code('CLIENT_GONE')(request.signal.reason));
  await assert.rejects(request.text());
  await upload.close();
  assert.deepEqual(fixture.failures, []);
});

test('what goes wrong in the handler fails the stream', bounded, async (t) => {
  const fixture = new Fixture(t);
  await serving(fixture, (request) => {
    if (request.url.endsWith('/throws')) throw new Error('mine');
    if (request.url.endsWith('/error')) return Response.error();
    if (request.url.endsWith('/none')) return undefined as never;
    return new Response(
      new ReadableStream({
        pull: (controller) => controller.error(new Error('half way')),
      }),
    );
  });
  for (const [path, expected] of [
    ['/throws', 'WORKER_FAILED'],
    ['/error', 'INVALID_RESPONSE'],
    ['/none', 'INVALID_RESPONSE'],
    ['/half', 'WORKER_FAILED'],
  ] as const) {
    await assert.rejects(fixture.server.open({ path }).response(), code(expected), path);
  }
  assert.equal(fixture.failures.length, 4);
});
