import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { z } from 'zod';
import { createAdmission, createToken, type Permit } from '../../../src/admission/index.js';
import { type AdmissionLimits, admissionLimitsShape } from '../../../src/admission/limits.js';
import { until } from '../../support/until.js';
import { auth, bearer, caller, codeOf } from './support.js';

const limits = (more: Partial<AdmissionLimits> = {}): AdmissionLimits =>
  z.strictObject(admissionLimitsShape).parse(more);

const one = createToken();
const other = createToken();
const withTokens = (...hashes: string[]) =>
  auth({ tokens: hashes.map((hash, index) => ({ name: `token-${index}`, hash })) });

test('what is new counts at once, in the same objects', async () => {
  const set = createAdmission(auth(), limits());
  const { admission } = set;
  assert.ok(admission.admit('publish', caller()));
  set.prepare(withTokens(one.hash), limits())();
  assert.equal(await codeOf(() => admission.admit('publish', caller())), 'UNAUTHENTICATED');
  assert.ok(admission.admit('publish', bearer(one.token)));
  set.prepare(withTokens(other.hash), limits())();
  const refused = await codeOf(() => admission.admit('publish', bearer(one.token)));
  assert.equal(refused, 'INVALID_CREDENTIALS');
  assert.ok(admission.admit('publish', bearer(other.token)));
});

test('authentication is not turned off while the server runs', async () => {
  const set = createAdmission(withTokens(one.hash), limits());
  const code = await codeOf(() => set.prepare(auth(), limits({ maxStreamsPerPeer: 1 }))());
  assert.equal(code, 'INVALID_CONFIG');
  assert.equal(await codeOf(() => set.admission.admit('publish', caller())), 'UNAUTHENTICATED');
});

test('a configuration that cannot be used changes nothing', async () => {
  const set = createAdmission(withTokens(one.hash), limits());
  const jwt = { jwksFile: '/nowhere/keys.json', issuer: 'i', audience: 'a' };
  const broken = auth({ tokens: [{ name: 'b', hash: other.hash }], jwt });
  const code = await codeOf(() => set.prepare(broken, limits({ maxStreamsPerPeer: 1 }))());
  assert.equal(code, 'INVALID_CONFIG');
  const first = await set.admission.admit('publish', bearer(one.token));
  const second = await set.admission.admit('publish', bearer(one.token));
  first.release();
  second.release();
});

test('streams that were let in before are counted on', async () => {
  const set = createAdmission(withTokens(one.hash), limits({ maxStreamsPerPeer: 2 }));
  const admit = () => set.admission.admit('publish', bearer(one.token)) as Permit;
  const first = admit();
  const second = admit();
  set.prepare(withTokens(one.hash), limits({ maxStreamsPerPeer: 1 }))();
  assert.equal(await codeOf(admit), 'TOO_MANY_STREAMS');
  first.release();
  assert.equal(await codeOf(admit), 'TOO_MANY_STREAMS');
  second.release();
  admit().release();
});

test('a changed rate counts from now on', async () => {
  const slow = { requestsPerSecondPerPeer: 1, requestBurstPerPeer: 1 };
  const set = createAdmission(auth(), limits(slow));
  const admit = () => set.admission.admit('publish', caller());
  admit();
  assert.equal(await codeOf(admit), 'TOO_MANY_REQUESTS');
  set.prepare(auth(), limits({ ...slow, requestBurstPerPeer: 2 }))();
  admit();
  admit();
  assert.equal(await codeOf(admit), 'TOO_MANY_REQUESTS');
});

test('a question that is under way is answered by whom it was asked', async () => {
  const held: ServerResponse[] = [];
  const server = createServer((_request, response) => held.push(response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const set = createAdmission(auth({ callback: { url } }), limits());
    const waiting = set.admission.admit('publish', bearer('x'));
    await until(() => held.length === 1, 'the question');
    set.prepare(withTokens(one.hash), limits())();
    held[0]?.writeHead(204).end();
    (await waiting).release();
    assert.ok(set.admission.admit('publish', bearer(one.token)));
    await set.close();
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
