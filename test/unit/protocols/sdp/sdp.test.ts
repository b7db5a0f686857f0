import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UploadResponseError } from '../../../../src/errors/index.js';
import {
  readFragment,
  readOffer,
  withHostCandidates,
} from '../../../../src/protocols/sdp/index.js';

/** What Chromium offers with one data channel, shortened. */
const OFFER = [
  'v=0',
  'o=- 4611731400430051336 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0',
  'a=extmap-allow-mixed',
  'a=msid-semantic: WMS',
  'm=application 51472 UDP/DTLS/SCTP webrtc-datachannel',
  'c=IN IP4 198.51.100.7',
  'a=candidate:1 1 udp 2113937151 0f7e2a9c-3b1d.local 51472 typ host generation 0',
  'a=candidate:2 1 udp 1677729535 198.51.100.7 51472 typ srflx raddr 0.0.0.0 rport 0',
  'a=ice-ufrag:Uf+/',
  'a=ice-pwd:0123456789012345678901',
  'a=ice-options:trickle',
  `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
  'a=setup:actpass',
  'a=mid:0',
  'a=sctp-port:5000',
  'a=max-message-size:262144',
  '',
].join('\r\n');

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'none';
  } catch (error) {
    assert.ok(error instanceof UploadResponseError, String(error));
    return error.code;
  }
};

test('of an offer what is needed is passed on, and no name that would be looked up', () => {
  const { sdp, ufrag } = readOffer(OFFER);
  assert.equal(ufrag, 'Uf+/');
  assert.ok(!sdp.includes('.local') && !sdp.includes('extmap') && !sdp.includes('msid'));
  assert.ok(sdp.includes('a=candidate:2 1 udp 1677729535 198.51.100.7 51472 typ srflx'));
  assert.equal(readOffer(sdp).sdp, sdp);
  assert.equal(readOffer(OFFER.replaceAll('\r\n', '\n')).sdp, sdp);
});

test('an offer that lacks something, or has more, is refused for it', () => {
  const section = OFFER.slice(OFFER.indexOf('m='));
  const cases: readonly (readonly [string, string])[] = [
    ['BAD_SDP', ''],
    ['BAD_SDP', OFFER.replace('v=0', 'v=1')],
    ['BAD_SDP', OFFER.replace('a=mid:0\r\n', '')],
    ['BAD_SDP', OFFER.replace('a=setup:actpass', 'a=setup:passive')],
    ['BAD_SDP', OFFER.replace('0123456789012345678901', 'short')],
    ['BAD_SDP', OFFER.replace('51472 UDP', '99999 UDP')],
    ['BAD_SDP', OFFER.replace('s=-', 's=\u0000')],
    ['BAD_SDP', OFFER + section.repeat(20)],
    ['UNSUPPORTED_OFFER', OFFER + section],
    ['UNSUPPORTED_OFFER', OFFER.replace('UDP/DTLS/SCTP', 'RTP/AVP')],
    ['BAD_SDP', `${OFFER}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n`],
    ['UNSUPPORTED_OFFER', `${OFFER}m=text 9 RTP/AVP 96\r\na=mid:1\r\n`],
  ];
  for (const [code, text] of cases)
    assert.equal(
      codeOf(() => readOffer(text)),
      code,
      text,
    );
});

test('of an offer with more candidates than anybody has some are taken', () => {
  const lines = Array.from(
    { length: 500 },
    (_, i) => `a=candidate:${i} 1 udp ${i} 198.51.100.7 ${i} typ host\r\n`,
  );
  const { sdp } = readOffer(OFFER + lines.join(''));
  assert.equal(sdp.match(/^a=candidate:/gm)?.length, 64);
  assert.ok(sdp.includes('typ srflx'), 'the first ones');
});

test('a fragment gives its candidates, those with addresses', () => {
  const candidate = 'candidate:1 1 UDP 2114977791 2001:db8::1 9 typ host';
  const named = 'candidate:2 1 UDP 1 name.example 9 typ host';
  const text = `a=ice-ufrag:Uf\r\na=mid:1\r\na=${candidate}\r\na=${named}\r\n`;
  assert.deepEqual(readFragment(text), { ufrag: 'Uf', mid: '1', candidates: [candidate] });
  assert.equal(
    codeOf(() => readFragment('')),
    'BAD_SDP',
  );
  assert.equal(
    codeOf(() => readFragment(`a=${candidate}\r\n`.repeat(65))),
    'BAD_SDP',
  );
});

test('whatever comes is read or refused', () => {
  const lines = OFFER.split('\r\n');
  const line = fc.oneof(fc.constantFrom(...lines), fc.string());
  fc.assert(
    fc.property(fc.array(line, { maxLength: 40 }), (some) => {
      const text = some.join('\r\n');
      assert.match(
        codeOf(() => readOffer(text)),
        /^(none|BAD_SDP|UNSUPPORTED_OFFER)$/,
      );
      assert.match(
        codeOf(() => readFragment(text)),
        /^(none|BAD_SDP)$/,
      );
    }),
  );
});

test('other addresses take the place of the machine’s own, with their ports', () => {
  const host = (address: string, port: number) =>
    `a=candidate:1 1 UDP 2114977791 ${address} ${port} typ host`;
  const relay = 'a=candidate:3 1 UDP 1 192.0.2.9 7 typ relay raddr 0.0.0.0 rport 0';
  const sdp = ['a=mid:0', host('10.0.0.1', 5), host('10.0.0.2', 5), relay, ''].join('\r\n');
  assert.equal(withHostCandidates(sdp, []), sdp);
  assert.deepEqual(withHostCandidates(sdp, ['203.0.113.5']).split('\r\n'), [
    'a=mid:0',
    'a=candidate:h1 1 UDP 2114977791 203.0.113.5 5 typ host',
    relay,
    '',
  ]);
});
