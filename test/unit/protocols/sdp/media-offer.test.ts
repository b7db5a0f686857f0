import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UploadResponseError } from '../../../../src/errors/index.js';
import { readOffer } from '../../../../src/protocols/sdp/index.js';

const TRANSPORT = [
  'c=IN IP4 0.0.0.0',
  'a=rtcp:9 IN IP4 0.0.0.0',
  'a=ice-ufrag:Uf+/',
  'a=ice-pwd:0123456789012345678901',
  `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
  'a=setup:actpass',
];
const HEAD = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0 1'];

/** As Chromium offers them, shortened. */
const VIDEO = [
  'm=video 9 UDP/TLS/RTP/SAVPF 96 97 102 104 98',
  ...TRANSPORT,
  'a=mid:0',
  'a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'a=sendonly',
  'a=msid:- 5986a6cf',
  'a=rtcp-mux',
  'a=rtcp-rsize',
  'a=rtpmap:96 VP8/90000',
  'a=rtcp-fb:96 goog-remb',
  'a=rtcp-fb:96 nack',
  'a=rtcp-fb:96 nack pli',
  'a=rtpmap:97 rtx/90000',
  'a=fmtp:97 apt=96',
  'a=rtpmap:104 H264/90000',
  'a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f',
  'a=rtpmap:102 H264/90000',
  'a=rtcp-fb:102 transport-cc',
  'a=rtcp-fb:102 ccm fir',
  'a=rtcp-fb:102 nack',
  'a=rtcp-fb:102 nack pli',
  'a=fmtp:102 packetization-mode=1;profile-level-id=42e01f;sprop-parameter-sets=Z0LA,aM4=',
  'a=rtpmap:98 VP9/90000',
  'a=ssrc-group:FID 2204415693 2589307845',
  'a=ssrc:2204415693 cname:oHml',
  'a=ssrc:2204415693 msid:- 5986a6cf',
  'a=rid:hi send',
  'a=simulcast:send hi',
];
const AUDIO = [
  'm=audio 0 UDP/TLS/RTP/SAVPF 63 111 0',
  'c=IN IP4 0.0.0.0',
  'a=bundle-only',
  'a=mid:1',
  'a=sendrecv',
  'a=rtcp-mux',
  'a=rtpmap:63 red/48000/2',
  'a=rtpmap:111 opus/48000/2',
  'a=rtcp-fb:* nack',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=ssrc:4045737529 cname:oHml',
];

const offer = (...sections: readonly string[][]): string =>
  `${[...HEAD, ...sections.flat()].join('\r\n')}\r\n`;

const codeOf = (text: string): string => {
  try {
    readOffer(text);
    return 'none';
  } catch (error) {
    assert.ok(error instanceof UploadResponseError, String(error));
    return error.code;
  }
};

test('of each kind one codec is taken, and what belongs to it', () => {
  const { tracks, sdp } = readOffer(offer(VIDEO, AUDIO));
  assert.deepEqual(tracks, [
    {
      ...{ kind: 'video', codec: 'h264', payloadType: 102, clockRate: 90_000, nack: true },
      parameters: 'packetization-mode=1;profile-level-id=42e01f;sprop-parameter-sets=Z0LA,aM4=',
      keyframeRequest: 'pli',
      remb: false,
      parameterSets: [Buffer.from('6742c0', 'hex'), Buffer.from('68ce', 'hex')],
    },
    {
      ...{ kind: 'audio', codec: 'opus', payloadType: 111, clockRate: 48_000, nack: true },
      parameters: 'minptime=10;useinbandfec=1',
      keyframeRequest: undefined,
      remb: false,
      parameterSets: [],
    },
  ]);
  assert.ok(
    !/rtx|VP8|VP9|red|extmap|goog-remb|transport-cc|simulcast|rid|rsize|only$/m.test(
      sdp.replaceAll('sendonly', ''),
    ),
    sdp,
  );
  assert.match(sdp, /^m=video 9 UDP\/TLS\/RTP\/SAVPF 102\r$/m);
  assert.match(sdp, /^m=audio 9 UDP\/TLS\/RTP\/SAVPF 111\r$/m);
  assert.match(sdp, /^a=ssrc:2204415693 cname:oHml\r$/m);
  assert.equal(sdp.match(/^a=sendonly\r$/gm)?.length, 2);
  assert.equal(readOffer(sdp).sdp, sdp);
});

test('the order of video codecs is ours', () => {
  const codecs = (...order: ('h264' | 'vp8')[]) =>
    readOffer(offer(VIDEO, AUDIO), { videoCodecs: order, remb: true }).tracks.map(
      ({ codec }) => codec,
    );
  assert.deepEqual(codecs('vp8', 'h264'), ['vp8', 'opus']);
  assert.deepEqual(codecs('h264'), ['h264', 'opus']);
  const single = VIDEO.filter((line) => !line.includes(' H264/'));
  const [track] = readOffer(offer(single)).tracks;
  assert.equal(track?.codec, 'vp8');
});

test('REMB is answered where the codec that is taken has it in the offer, unless it is not sent', () => {
  const read = (videoCodecs: readonly ('h264' | 'vp8')[], remb: boolean, text: string) => {
    const { tracks, sdp } = readOffer(text, { videoCodecs, remb });
    const lines = sdp.split('\r\n').filter((line) => line.endsWith(' goog-remb'));
    return [tracks.map((track) => track.remb), lines];
  };
  const text = offer(VIDEO, AUDIO);
  assert.deepEqual(read(['vp8'], true, text), [[true, false], ['a=rtcp-fb:96 goog-remb']]);
  assert.deepEqual(read(['vp8'], false, text), [[false, false], []]);
  assert.deepEqual(read(['h264'], true, text), [[false, false], []]);
  const all = text.replace('a=rtcp-fb:* nack', 'a=rtcp-fb:* goog-remb');
  assert.deepEqual(read(['h264'], true, all), [[false, true], ['a=rtcp-fb:111 goog-remb']]);
});

test('H.264 without interleaving is taken, single NAL units too', () => {
  const only = (mode: string) =>
    offer(VIDEO.filter((line) => !/:(96|102) /.test(line))).replace('packetization-mode=0', mode);
  assert.equal(readOffer(only('packetization-mode=0')).tracks[0]?.payloadType, 104);
  assert.equal(readOffer(only('x=1')).tracks[0]?.payloadType, 104);
  assert.equal(codeOf(only('packetization-mode=2')), 'UNSUPPORTED_OFFER');
});

test('an offer of media that cannot be taken is refused for it', () => {
  const without = (section: string[], pattern: RegExp) =>
    section.filter((line) => !pattern.test(line));
  const silent = AUDIO.map((line) => line.replace('a=sendrecv', 'a=recvonly'));
  const again = VIDEO.map((line) => line.replace('a=mid:0', 'a=mid:1'));
  const same = AUDIO.map((line) => line.replaceAll('111', '102'));
  const cases: readonly (readonly [string, string])[] = [
    ['none', offer(VIDEO)],
    ['none', offer(without(VIDEO, /ssrc/))],
    ['UNSUPPORTED_OFFER', offer(VIDEO, without(AUDIO, /ssrc/))],
    ['UNSUPPORTED_OFFER', offer(VIDEO, again)],
    ['UNSUPPORTED_OFFER', offer(VIDEO, silent)],
    ['UNSUPPORTED_OFFER', offer(VIDEO, same)],
    ['UNSUPPORTED_OFFER', offer(VIDEO, without(AUDIO, /opus/))],
    ['UNSUPPORTED_OFFER', offer(without(VIDEO, /rtpmap/), AUDIO)],
    ['UNSUPPORTED_OFFER', offer(without(VIDEO, /rtcp-mux/))],
    ['UNSUPPORTED_OFFER', offer(VIDEO).replace('UDP/TLS/RTP/SAVPF', 'RTP/AVP')],
    ['UNSUPPORTED_OFFER', offer(VIDEO, AUDIO).replace('BUNDLE 0 1', 'BUNDLE 0')],
    ['BAD_SDP', offer(VIDEO, without(AUDIO, /mid/))],
    ['BAD_SDP', offer(VIDEO, AUDIO).replace('a=mid:1', 'a=mid:0')],
    ['BAD_SDP', offer(AUDIO, VIDEO)],
  ];
  for (const [code, text] of cases) assert.equal(codeOf(text), code, text);
});

test('whatever comes as media is read or refused', () => {
  const line = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...HEAD, ...VIDEO, ...AUDIO) },
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 40 }), (some) => {
      const text = [...HEAD, ...VIDEO, ...some].join('\r\n');
      assert.match(codeOf(text), /^(none|BAD_SDP|UNSUPPORTED_OFFER)$/);
    }),
  );
});

test('a payload type that is not written as a number is none', () => {
  const padded = VIDEO.map((line) =>
    line.replace(/^(m=video .*) 96 /, '$1 096 ').replace('rtpmap:96', 'rtpmap:096'),
  );
  const { tracks, sdp } = readOffer(offer(padded), { videoCodecs: ['vp8', 'h264'], remb: true });
  assert.equal(tracks[0]?.codec, 'h264');
  assert.ok(!sdp.includes('undefined'));
});

test('an offer of many formats is read, one of more lines than anybody has is refused', () => {
  const formats = Array.from({ length: 10_000 }, (_, index) => index % 128).join(' ');
  const lines = Array.from({ length: 3900 }, () => 'a=x');
  const text = offer([`m=video 9 UDP/TLS/RTP/SAVPF ${formats}`, ...VIDEO.slice(1), ...lines]);
  assert.equal(readOffer(text).tracks[0]?.payloadType, 102);
  assert.equal(codeOf(text + 'a=x\r\n'.repeat(1000)), 'BAD_SDP');
});
