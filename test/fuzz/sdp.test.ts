import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Offer,
  readFragment,
  readOffer,
  VIDEO_CODECS,
  withHostCandidates,
} from '../../src/protocols/sdp/index.js';
import { mutatedOffer, OFFERS } from './support/offers.js';
import { attempt, runs } from './support/runs.js';

const CODES = ['BAD_SDP', 'UNSUPPORTED_OFFER'];
const read = (text: string) => attempt(CODES, () => readOffer(text));

/** The attributes that the engine is given of a section. */
const KEPT = [
  ...['mid', 'ice-ufrag', 'ice-pwd', 'ice-options', 'fingerprint', 'setup', 'candidate', 'rtpmap'],
  ...['end-of-candidates', 'sctp-port', 'max-message-size', 'sctpmap', 'sendrecv', 'sendonly'],
  ...['rtcp-mux', 'fmtp', 'rtcp-fb', 'ssrc'],
];
const SECTION_LINE = new RegExp(`^(c=.*|a=(${KEPT.join('|')})(:.*)?)$`);

function check({ sdp, ufrag, tracks }: Offer, text: string): void {
  assert.ok(text.includes(ufrag) && /^[A-Za-z0-9+/]{4,256}$/.test(ufrag));
  const lines = sdp.split('\r\n');
  assert.equal(lines.pop(), '');
  const given = new Set(text.split(/\r?\n/));
  const media = lines.findIndex((line) => line.startsWith('m='));
  for (const [index, line] of lines.entries()) {
    assert.match(line, /^[a-z]=[^\r\n\0]*$/);
    if (index > media && !line.startsWith('m=')) {
      assert.match(line, SECTION_LINE);
      // Made by us: the direction, feedback that was meant for all formats, parameters without spaces.
      const isOwn = /^a=(sendonly|rtcp-fb:.*|fmtp:.*)$/.test(line);
      assert.ok(isOwn || given.has(line), `${line} was not in the offer`);
    }
    if (line.startsWith('a=candidate:')) {
      assert.notEqual(isIP(line.split(' ')[4] as string), 0, 'a name would be looked up');
    }
  }
  const sections = lines.filter((line) => line.startsWith('m='));
  const tracked = sections.filter((line) => !line.startsWith('m=application '));
  assert.equal(tracks.length, tracked.length);
  assert.equal(new Set(sections.map((line) => line.split(' ')[0])).size, sections.length);
  assert.equal(new Set(tracks.map(({ payloadType }) => payloadType)).size, tracks.length);
  for (const [index, { kind, codec, payloadType }] of tracks.entries()) {
    assert.equal(kind === 'audio', codec === 'opus');
    assert.match(tracked[index] as string, new RegExp(`^m=${kind} [0-9]+ [A-Z/]+ ${payloadType}$`));
    assert.ok(payloadType < 128);
    const encodings = lines.filter((line) => line.startsWith(`a=rtpmap:${payloadType} `));
    assert.equal(encodings.length, 1);
    assert.match(encodings[0] as string, new RegExp(` ${codec}/`, 'i'));
  }
}

test('offers of real clients are taken whole', () => {
  for (const lines of OFFERS) {
    const text = `${lines.join('\r\n')}\r\n`;
    const offer = readOffer(text);
    check(offer, text);
    const isMedia = lines.some((line) => line.startsWith('m=video'));
    assert.deepEqual(
      offer.tracks.map(({ codec }) => codec).sort(),
      isMedia ? ['h264', 'opus'] : [],
    );
  }
});

test('a changed offer is refused, or reduced to what is understood, which stays the same', () => {
  let taken = 0;
  fc.assert(
    fc.property(mutatedOffer, (text) => {
      const offer = read(text);
      if (!offer) return;
      taken++;
      check(offer, text);
      const again = readOffer(offer.sdp);
      assert.deepEqual(again, offer);
    }),
    runs(3000),
  );
  assert.ok(taken > 100, `${taken} were taken: the others say nothing`);
});

test('the order of codecs decides, and nothing else changes with it', () => {
  fc.assert(
    fc.property(
      mutatedOffer,
      fc.shuffledSubarray([...VIDEO_CODECS], { minLength: 1 }),
      (text, order) => {
        const some = attempt(CODES, () => readOffer(text, { videoCodecs: order, remb: true }));
        if (!some) return;
        const video = some.tracks.find(({ kind }) => kind === 'video');
        assert.ok(!video || order.some((one) => one === video.codec));
        assert.ok(read(text), 'what is taken with fewer codecs is taken with all');
      },
    ),
    runs(1000),
  );
});

const fragmentLine = fc.oneof(
  fc.constantFrom(
    'a=ice-ufrag:sc7D',
    'a=mid:0',
    'a=end-of-candidates',
    'a=ice-pwd:x',
    'm=audio 9 x 0',
  ),
  fc.constantFrom(...OFFERS.flat().filter((line) => line.startsWith('a=candidate:'))),
  fc.string({ maxLength: 40 }),
  fc
    .tuple(fc.integer({ min: -1, max: 70_000 }), fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()))
    .map(([port, host]) => `a=candidate:1 1 UDP 1 ${host} ${port} typ host`),
);

test('a fragment gives candidates with addresses that it has, and not more than some dozens', () => {
  fc.assert(
    fc.property(fc.array(fragmentLine, { maxLength: 80 }), (lines) => {
      const fragment = attempt(['BAD_SDP'], () => readFragment(lines.join('\r\n')));
      if (!fragment) return;
      assert.ok(fragment.candidates.length <= 64);
      for (const candidate of fragment.candidates) {
        assert.ok(lines.includes(`a=${candidate}`));
        const [, , , , address = '', port] = candidate.split(' ');
        assert.notEqual(isIP(address), 0);
        assert.ok(Number(port) >= 0 && Number(port) <= 65_535);
      }
    }),
    runs(2000),
  );
});

test('other addresses change candidates of hosts and nothing else', () => {
  fc.assert(
    fc.property(
      mutatedOffer,
      fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 3 }),
      (text, addresses) => {
        const isHost = (line: string) => /^a=candidate:.* typ host/.test(line);
        const rest = (sdp: string) => sdp.split('\r\n').filter((line) => !isHost(line));
        const changed = withHostCandidates(text, addresses);
        assert.deepEqual(rest(changed), rest(text));
      },
    ),
    runs(500),
  );
});
