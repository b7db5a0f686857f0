import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { openAdmission } from '../../../src/admission/index.js';
import { ControlApi, controlConfigSchema } from '../../../src/control/index.js';
import { HttpFront, httpConfigSchema } from '../../../src/http/index.js';
import { silentLogger } from '../../../src/ingress/index.js';
import { Segment } from '../../../src/ring/index.js';
import { smallSegment } from '../ring/lanes.js';

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** The routes of the app as `GET /path/{parameter}`, and the document that it serves. */
async function describe(t: TestContext) {
  const options = smallSegment(t);
  const segment = Segment.create(options);
  t.after(() => segment.close());
  const http = new HttpFront(httpConfigSchema.parse({}), silentLogger);
  const routes: string[] = [];
  http.app.addHook('onRoute', ({ method, url }) => {
    if (url.endsWith('/*')) return;
    for (const one of [method].flat()) routes.push(`${one} ${url.replaceAll(/:(\w+)/g, '{$1}')}`);
  });
  const api = new ControlApi({
    config: controlConfigSchema.parse({}),
    http,
    segment,
    socket: options.socket,
    facts: () => new Map(),
    admission: openAdmission,
    tokenParameter: () => 'token',
    isOpen: () => false,
    log: silentLogger,
  });
  t.after(() => api.close());
  await http.app.ready();
  const answer = await http.app.inject('/_upload_response/openapi.json');
  assert.equal(answer.statusCode, 200);
  return { routes, document: answer.json() as Document };
}

const operations = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => ({ path, method, one })),
  );

test('every route of the app is in the document, and the other way round', async (t) => {
  const { routes, document } = await describe(t);
  const documented = operations(document).map(
    ({ path, method }) => `${method.toUpperCase()} ${path}`,
  );
  assert.deepEqual(routes.sort(), documented.sort());
  assert.equal(new Set(documented).size, documented.length);
  for (const path of [
    ...['GET /_upload_response/streams', 'GET /_upload_response/streams/{stream}'],
    'GET /_upload_response/streams/{stream}/request/slots/{slot}',
    'PUT /_upload_response/streams/{stream}/readers/{worker}',
    'DELETE /_upload_response/streams/{stream}/response/claim/{worker}',
    'PUT /_upload_response/workers/{worker}/heartbeat',
  ]) {
    assert.ok(documented.includes(path), path);
  }
});

test('the document is valid OpenAPI 3.1', async (t) => {
  const { document } = await describe(t);
  const result = await new Validator().validate(document as unknown as Record<string, unknown>);
  assert.deepEqual(result.errors ?? [], []);
  assert.equal(result.valid, true);
});

test('operations have ids of their own, their path parameters, and errors', async (t) => {
  const { document } = await describe(t);
  const list = operations(document);
  assert.equal(new Set(list.map(({ one }) => one.operationId)).size, list.length);
  for (const { path, method, one } of list) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const named = one.parameters.filter((parameter) => parameter.in === 'path');
    assert.deepEqual(named.map(({ name }) => name).sort(), inPath.sort(), `${method} ${path}`);
    assert.ok(one.responses['400']?.description.includes('BAD_REQUEST'), `${method} ${path}`);
  }
});

test('every schema that is named is used, and every reference has its schema', async (t) => {
  const { document } = await describe(t);
  const references = JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g);
  const used = new Set([...references].map(([, name]) => name));
  assert.deepEqual([...used].sort(), Object.keys(document.components.schemas).sort());
});
