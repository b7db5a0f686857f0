import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import {
  type Admission,
  admitThen,
  createAdmission,
  createToken,
  openAdmission,
  type Permit,
  signUploadUrl,
  withhold,
} from '../../../src/admission/index.js';
import { type AdmissionLimits, admissionLimitsShape } from '../../../src/admission/limits.js';
import { UploadResponseError } from '../../../src/errors/index.js';
import { auth, bearer, caller, codeOf } from './support.js';

const limits = (more: Partial<AdmissionLimits> = {}): AdmissionLimits =>
  z.strictObject(admissionLimitsShape).parse(more);
const gate = (config: Parameters<typeof auth>[0], more: Partial<AdmissionLimits> = {}): Admission =>
  createAdmission(auth(config), limits(more)).admission;

const good = createToken();
const elsewhere = createToken();
const KEY = { id: 'k', secret: 's'.repeat(32) };
const FINGERPRINT = 'AB'.repeat(32);
const TOKENS = [
  { name: 'good', hash: good.hash, permissions: [{ action: 'publish', path: '/upload/*' }] },
  { name: 'elsewhere', hash: elsewhere.hash, permissions: [{ action: 'publish', path: '/x' }] },
];

describe('the gate', () => {
  test('lets everybody do everything where nothing is configured', async () => {
    const open = gate({}).admit('api', caller());
    assert.equal(open, openAdmission.admit('api', caller()));
  });

  test('lets everybody do everything where only numbers are limited', async () => {
    const one = gate({}, { maxStreamsPerPeer: 1 });
    const permit = await one.admit('api', caller());
    assert.equal(permit.withheld, undefined);
  });

  test('says which of the things is wrong', async () => {
    const one = gate({ tokens: TOKENS });
    const permit = one.admit('publish', bearer(good.token)) as Permit;
    assert.equal(permit.subject, 'good');
    assert.deepEqual(permit.withheld?.headers, ['authorization']);
    assert.ok(permit.withheld?.parameters.includes('token'));
    assert.equal(await codeOf(() => one.admit('publish', caller())), 'UNAUTHENTICATED');
    assert.equal(await codeOf(() => one.admit('publish', bearer('x'))), 'INVALID_CREDENTIALS');
    assert.equal(await codeOf(() => one.admit('read', bearer(good.token))), 'FORBIDDEN');
    assert.equal(await codeOf(() => one.admit('publish', bearer(elsewhere.token))), 'FORBIDDEN');
  });

  test('lets strangers do what they may, and nobody with wrong credentials', async () => {
    const only = gate({ anonymous: ['publish'] });
    assert.equal((await only.admit('publish', bearer('for the worker'))).withheld, undefined);
    assert.equal(await codeOf(() => only.admit('metrics', caller())), 'UNAUTHENTICATED');
    const both = gate({ anonymous: ['publish'], tokens: TOKENS });
    assert.equal((await both.admit('publish', caller())).subject, undefined);
    assert.equal(await codeOf(() => both.admit('publish', bearer('x'))), 'INVALID_CREDENTIALS');
    assert.equal(await codeOf(() => both.admit('api', caller())), 'UNAUTHENTICATED');
  });

  test('takes the first that is allowed of several ways', async () => {
    const one = gate({
      tokens: TOKENS,
      signedUrls: { keys: [KEY] },
      certificates: [
        { name: 'cams', subject: '~O=Example,CN=cam[0-9]+', permissions: [{ action: 'read' }] },
        { name: 'one', fingerprint256: FINGERPRINT.toLowerCase(), maxStreams: 3 },
      ],
    });
    const cam = { fingerprint256: '00'.repeat(32), subject: 'O=Example,CN=cam7' };
    const read = await one.admit('read', caller({ certificate: cam }));
    assert.equal(read.subject, 'cams: O=Example,CN=cam7');
    assert.equal(
      await codeOf(() => one.admit('publish', caller({ certificate: cam }))),
      'FORBIDDEN',
    );
    const withToken = { ...bearer(good.token), certificate: cam };
    assert.equal((await one.admit('publish', withToken)).subject, 'good');
    const fingerprint256 = FINGERPRINT.match(/../g)?.join(':') ?? '';
    const known = caller({ certificate: { fingerprint256, subject: 'CN=x' } });
    assert.equal((await one.admit('publish', known)).subject, 'one: CN=x');
    const stranger = caller({ certificate: { ...cam, subject: 'O=Example,CN=cam7,CN=x' } });
    assert.equal(await codeOf(() => one.admit('read', stranger)), 'UNAUTHENTICATED');
    const url = new URL(
      signUploadUrl({
        url: 'http://h/upload/a',
        keyId: 'k',
        secret: KEY.secret,
        expires: new Date(Date.now() + 60_000),
        maxBytes: 3,
      }),
    );
    const signed = caller({ query: url.search.slice(1) });
    assert.equal((await one.admit('publish', signed)).maxBodyBytes, 3);
    assert.equal(await codeOf(() => one.admit('read', signed)), 'FORBIDDEN');
  });

  test('a certificate that nobody knows takes nothing from what strangers may', async () => {
    const rule = { name: 'cams', subject: 'CN=cam', permissions: [{ action: 'read' }] };
    const one = gate({ anonymous: ['publish'], tokens: TOKENS, certificates: [rule] });
    const certificate = { fingerprint256: '00'.repeat(32), subject: 'CN=stranger' };
    assert.equal((await one.admit('publish', caller({ certificate }))).subject, undefined);
    const cam = { ...certificate, subject: 'CN=cam' };
    assert.ok(await one.admit('publish', caller({ certificate: cam })));
    assert.equal(await codeOf(() => one.admit('read', caller({ certificate }))), 'UNAUTHENTICATED');
    const wrong = { ...bearer('x'), certificate };
    assert.equal(await codeOf(() => one.admit('publish', wrong)), 'INVALID_CREDENTIALS');
  });

  test('callers of different kinds with one name are not one', async () => {
    const rule = { name: 'k', subject: 'good', permissions: [{ action: 'publish' }] };
    const one = gate({ tokens: TOKENS, certificates: [rule] }, { maxStreamsPerSubject: 1 });
    const certificate = { fingerprint256: '00'.repeat(32), subject: 'good' };
    await one.admit('publish', bearer(good.token));
    await one.admit('publish', caller({ certificate }));
  });

  test('counts whom a trusted proxy names, and believes nobody else', async () => {
    const one = gate({ trustedProxies: ['192.0.2.0/24'] }, { maxStreamsPerPeer: 1 });
    const from = (forwardedFor: string, peer = '192.0.2.1') => caller({ peer, forwardedFor });
    await one.admit('publish', from('198.51.100.1'));
    await one.admit('publish', from('198.51.100.2'));
    const again = () => one.admit('publish', from('203.0.113.9, 198.51.100.2'));
    assert.equal(await codeOf(again), 'TOO_MANY_STREAMS');
    await one.admit('publish', from('198.51.100.3', '203.0.113.1'));
    const liar = () => one.admit('publish', from('198.51.100.4', '203.0.113.1'));
    assert.equal(await codeOf(liar), 'TOO_MANY_STREAMS');
  });

  test('gives every place back when somebody is refused', async () => {
    const most = { maxStreamsPerPeer: 1, maxStreamsPerSubject: 1 };
    const one = gate({ tokens: TOKENS }, most);
    for (let i = 0; i < 3; i++) {
      assert.equal(await codeOf(() => one.admit('publish', bearer('x'))), 'INVALID_CREDENTIALS');
    }
    const permit = await one.admit('publish', bearer(good.token));
    assert.equal(await codeOf(() => one.admit('publish', bearer(good.token))), 'TOO_MANY_STREAMS');
    const other = { ...bearer(good.token), peer: '192.0.2.9' };
    assert.equal(await codeOf(() => one.admit('publish', other)), 'TOO_MANY_STREAMS');
    permit.release();
    permit.release();
    const again = await one.admit('publish', other);
    assert.equal(await codeOf(() => one.admit('publish', other)), 'TOO_MANY_STREAMS');
    again.release();
  });

  test('stops looking after too many wrong credentials', async () => {
    const one = gate({ tokens: TOKENS }, { authFailuresPerMinutePerPeer: 2 });
    for (let i = 0; i < 5; i++)
      assert.equal(await codeOf(() => one.admit('publish', caller())), 'UNAUTHENTICATED');
    for (let i = 0; i < 2; i++) await codeOf(() => one.admit('publish', bearer('x')));
    assert.equal(await codeOf(() => one.admit('publish', bearer(good.token))), 'TOO_MANY_REQUESTS');
  });
});

test('whatever a stranger writes, it is refused in an orderly way', async () => {
  const one = gate({ tokens: TOKENS, signedUrls: { keys: [KEY] }, trustedProxies: ['192.0.2.1'] });
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom(...'%2e./\\?&=;#:, ~*\u0000\u00ff') }),
    fc.constantFrom('ur-signature=x&ur-key=k', 'token=', 'Basic Og==', 'Bearer a.b.c', 'Basic =='),
  );
  const refusals = new Set(['UNAUTHENTICATED', 'INVALID_CREDENTIALS', 'INVALID_SIGNATURE']);
  await fc.assert(
    fc.asyncProperty(text, text, text, text, async (path, query, authorization, forwardedFor) => {
      const who = caller({ path: `/upload/${path}`, query, authorization, forwardedFor });
      assert.ok(refusals.has(await codeOf(() => one.admit('publish', who))));
      const known = { ...who, authorization: `Bearer ${elsewhere.token}` };
      const code = await codeOf(() => one.admit('publish', known));
      assert.ok(code === 'FORBIDDEN' || code === 'INVALID_SIGNATURE', code);
    }),
  );
});

describe('admitThen', () => {
  const permitOf = () => {
    const released = { times: 0 };
    const release = () => {
      released.times++;
    };
    return { released, permit: { subject: undefined, maxBodyBytes: undefined, release } };
  };
  const never = (): never => assert.fail('nobody was let in');
  const asks = (admission: Admission, onPermit: (permit: Permit) => void) => {
    const codes: string[] = [];
    const stop = admitThen(admission, 'publish', caller(), onPermit, ({ code }) =>
      codes.push(code),
    );
    return { codes, stop };
  };

  test('calls back before it returns where nothing has to be waited for', () => {
    const { permit } = permitOf();
    const seen: Permit[] = [];
    assert.equal(asks({ admit: () => permit }, (one) => seen.push(one)).stop, undefined);
    assert.deepEqual(seen, [permit]);
    const refuse = (): never => {
      throw new UploadResponseError('FORBIDDEN');
    };
    assert.deepEqual(asks({ admit: refuse }, never).codes, ['FORBIDDEN']);
    const later = asks({ admit: async () => refuse() }, never);
    assert.deepEqual(later.codes, []);
  });

  test('releases the permit when the caller has left meanwhile', async () => {
    const { permit, released } = permitOf();
    const answer = Promise.resolve(permit);
    asks({ admit: () => answer }, () => assert.fail('it has left')).stop?.();
    await answer;
    assert.equal(released.times, 1);
  });

  test('releases the permit when it cannot be used', () => {
    const { permit, released } = permitOf();
    const { codes } = asks({ admit: () => permit }, () => {
      throw new UploadResponseError('SHUTTING_DOWN');
    });
    assert.deepEqual([codes, released.times], [['SHUTTING_DOWN'], 1]);
  });

  test('rejections are told', async () => {
    const answer = Promise.reject<Permit>(new UploadResponseError('AUTH_UNAVAILABLE'));
    const { codes } = asks({ admit: () => answer }, never);
    await answer.catch(() => {});
    assert.deepEqual(codes, ['AUTH_UNAVAILABLE']);
  });
});

test('what is withheld of a head is gone, and nothing else', () => {
  const withheld = { headers: ['authorization'], parameters: ['token', 'ur-signature'] };
  const head = (path: string, headers: [string, string][] = []) => ({
    path,
    headers,
    method: 'PUT',
  });
  const cut = (path: string) => withhold(head(path), withheld).path;
  assert.equal(cut('/a?token=x'), '/a');
  assert.equal(cut('/a?token=x&b=1'), '/a?b=1');
  assert.equal(cut('/a?b=%20&tok%65n=x&token&c'), '/a?b=%20&c');
  assert.equal(cut('/a?'), '/a?');
  assert.equal(cut('/a?b=token'), '/a?b=token');
  assert.equal(cut('/token'), '/token');
  const untouched = head('/a?b', [['x', 'y']]);
  assert.equal(withhold(untouched, withheld), untouched);
  const fields = withhold(
    head('/a', [
      ['authorization', 's'],
      ['x', 'y'],
    ]),
    withheld,
  );
  assert.deepEqual([fields.headers, fields.path], [[['x', 'y']], '/a']);
});

test('what a publisher says of its stream does not count as one', async () => {
  const admission = gate({}, { maxStreamsPerPeer: 1 });
  const permit = await admission.admit('publish', caller());
  (await admission.admit('publish', caller(), false)).release();
  assert.equal(await codeOf(() => admission.admit('publish', caller())), 'TOO_MANY_STREAMS');
  permit.release();
  (await admission.admit('publish', caller())).release();
});
