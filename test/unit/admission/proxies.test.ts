import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Proxies, parseNetwork } from '../../../src/admission/proxies.js';
import { auth } from './support.js';

const proxies = new Proxies(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::1']);
const peerOf = (peer: string, forwardedFor?: string) => proxies.peerOf({ peer, forwardedFor });

test('a network is an address, with or without a length', () => {
  assert.deepEqual(parseNetwork('10.0.0.0/8'), { address: '10.0.0.0', bits: 8, family: 'ipv4' });
  assert.deepEqual(parseNetwork('::1'), { address: '::1', bits: 128, family: 'ipv6' });
  for (const bad of ['', 'proxy', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::/129', '1/-1']) {
    assert.equal(parseNetwork(bad), undefined, bad);
    assert.throws(() => auth({ trustedProxies: [bad] }));
  }
});

test('addresses are trusted however they are written', () => {
  for (const one of ['10.1.2.3', '::ffff:10.1.2.3', '192.0.2.1', '2001:db8:1::5', '::1', '0::1']) {
    assert.ok(proxies.trusts(one), one);
  }
  for (const one of ['11.0.0.1', '192.0.2.2', '2001:db9::1', '', 'localhost']) {
    assert.ok(!proxies.trusts(one), one);
  }
  assert.ok(!new Proxies([]).trusts('127.0.0.1'));
});

test('the last address that no trusted proxy has sent the request', () => {
  assert.equal(peerOf('10.0.0.1', '198.51.100.7'), '198.51.100.7');
  assert.equal(peerOf('10.0.0.1', '1.1.1.1, 198.51.100.7'), '198.51.100.7');
  assert.equal(peerOf('10.0.0.1', '1.1.1.1, 198.51.100.7,10.0.0.2 , 192.0.2.1'), '198.51.100.7');
  assert.equal(peerOf('::ffff:10.0.0.1', '2001:db9::7'), '2001:db9::7');
  assert.equal(peerOf('10.0.0.1', '::ffff:198.51.100.7'), '198.51.100.7');
  assert.equal(peerOf('10.0.0.1', '10.0.0.9, 10.0.0.2'), '10.0.0.9');
});

test('nobody else is believed', () => {
  assert.equal(peerOf('198.51.100.1', '1.1.1.1'), '198.51.100.1');
  assert.equal(peerOf('::ffff:198.51.100.1', '1.1.1.1'), '198.51.100.1');
  assert.equal(peerOf('10.0.0.1'), '10.0.0.1');
  assert.equal(peerOf('', '1.1.1.1'), '');
});

test('what is no address ends the search', () => {
  for (const bad of ['unknown', '_hidden', '', '1.1.1.1:80', '[::1]', '999.1.1.1']) {
    assert.equal(peerOf('10.0.0.1', `1.1.1.1, ${bad}`), '10.0.0.1');
    assert.equal(peerOf('10.0.0.1', `1.1.1.1, ${bad}, 10.0.0.2`), '10.0.0.2');
  }
});

test('nothing that a stranger writes in front changes who it is', () => {
  const junk = fc.string({ maxLength: 40 });
  fc.assert(
    fc.property(junk, (text) => {
      assert.equal(peerOf('10.0.0.1', `${text}, 198.51.100.7, 10.0.0.2`), '198.51.100.7');
      assert.equal(peerOf('198.51.100.7', text), '198.51.100.7');
    }),
  );
});
