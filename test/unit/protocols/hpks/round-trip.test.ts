import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { UploadResponseError } from '../../../../src/errors/index.js';
import {
  decodeFrame,
  decodeMessage,
  encodeBody,
  encodedHeadersSize,
  encodeEnd,
  encodeHeaders,
  encodeMessage,
  type Frame,
  FrameDecoder,
  type Head,
} from '../../../../src/protocols/hpks/index.js';

const TOKEN = "!#$%&'*+-.^_`|~0123456789ABCXYZabcxyz";
const AUTHORITY = "azAZ09-._~!$&'()*+,;=:@[]%";
const LATIN1 = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
const PATH = LATIN1.filter((char) => char > ' ' && char !== '\x7f').join('');
const VALUE = `\t ${PATH}`;

const textOf = (chars: string, limits: fc.StringConstraints) =>
  fc.string({ unit: fc.constantFrom(...chars), ...limits });
const version = fc.constantFrom(1 as const, 2 as const, 3 as const);
const headers = fc.array(
  fc.tuple(textOf(TOKEN, { minLength: 1 }), textOf(VALUE, { maxLength: 200 })),
  { maxLength: 20 },
);
const scheme = fc
  .tuple(textOf('azAZ', { minLength: 1, maxLength: 1 }), textOf('azAZ09+-.', { maxLength: 40 }))
  .map(([first, rest]) => first + rest);
const request: fc.Arbitrary<Head> = fc.record(
  {
    kind: fc.constant('request' as const),
    version,
    method: textOf(TOKEN, { minLength: 1 }),
    scheme,
    authority: textOf(AUTHORITY, { minLength: 1 }),
    path: textOf(PATH, { minLength: 1, maxLength: 300 }),
    headers,
  },
  { requiredKeys: ['kind', 'version', 'method', 'path', 'headers'] },
);
const response: fc.Arbitrary<Head> = fc.record({
  kind: fc.constant('response' as const),
  version,
  status: fc.integer({ min: 100, max: 999 }),
  headers,
});
const head = fc.oneof(request, response).map((made): Head => ({ ...made }));
const streamId = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const data = fc.uint8Array({ maxLength: 400 });
const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ type: fc.constant('headers' as const), streamId, head }),
  fc.record({ type: fc.constant('body' as const), streamId, data }),
  fc.record({ type: fc.constant('end' as const), streamId }),
);

function encode(frame: Frame): Uint8Array {
  if (frame.type === 'headers') return encodeHeaders(frame.streamId, frame.head);
  return frame.type === 'body' ? encodeBody(frame.streamId, frame.data) : encodeEnd(frame.streamId);
}

/** What decoding gives, an error as its code. */
function outcome(bytes: Uint8Array): string {
  try {
    return decodeFrame(bytes).needMore ? 'need-more' : 'frame';
  } catch (error) {
    assert.ok(error instanceof UploadResponseError, String(error));
    return error.code;
  }
}

describe('round trips', () => {
  it('of frames, with bytes behind them', () => {
    fc.assert(
      fc.property(frame, data, (frame, behind) => {
        const bytes = encode(frame);
        const result = decodeFrame(Buffer.concat([bytes, behind]));
        assert.ok(!result.needMore);
        assert.equal(result.consumed, bytes.length);
        if (frame.type === 'headers') assert.equal(encodedHeadersSize(frame.head), bytes.length);
        assert.deepEqual(plain(result.frame), plain(frame));
        assert.deepEqual(encode(result.frame), bytes);
      }),
    );
  });

  it('of messages', () => {
    fc.assert(
      fc.property(head, data, (head, body) => {
        const bytes = encodeMessage(head, body);
        const result = decodeMessage(Buffer.concat([bytes, body]));
        assert.ok(!result.needMore);
        assert.equal(result.consumed, bytes.length);
        assert.deepEqual(result.message.head, plain(head));
        assert.deepEqual(Buffer.from(result.message.body), Buffer.from(body));
        for (let size = 0; size < bytes.length; size++) {
          assert.deepEqual(decodeMessage(bytes.subarray(0, size)), { needMore: true });
        }
      }),
    );
  });

  it('of every strict prefix: more is needed', () => {
    fc.assert(
      fc.property(frame, (frame) => {
        const bytes = encode(frame);
        for (let size = 0; size < bytes.length; size++) {
          assert.deepEqual(decodeFrame(bytes.subarray(0, size)), { needMore: true });
        }
      }),
    );
  });

  it('of a stream cut at random', () => {
    const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 300 }));
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), cuts, (frames, cuts) => {
        const stream = Buffer.concat(frames.map(encode));
        const decoder = new FrameDecoder();
        const found: Frame[] = [];
        for (let at = 0; at < stream.length; ) {
          const size = cuts.next().value;
          found.push(...decoder.push(stream.subarray(at, at + size)));
          at += size;
        }
        decoder.finish();
        assert.deepEqual(found.map(plain), frames.map(plain));
      }),
    );
  });
});

describe('malformed bytes', () => {
  it('give one error, at every prefix that holds the byte that tells', () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(frame, change, (frame, [position, byte]) => {
        const bytes = encode(frame);
        bytes[position % bytes.length] = byte;
        const whole = outcome(bytes);
        let told = false;
        for (let size = 0; size <= bytes.length; size++) {
          const seen = outcome(bytes.subarray(0, size));
          if (seen !== 'need-more') told = true;
          assert.equal(seen, told ? whole : 'need-more');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('of any kind give an HPKS error or need more', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (bytes, magic) => {
        const input = magic ? Buffer.concat([Buffer.from('HPKS\x01'), bytes]) : bytes;
        assert.match(outcome(input), /^(HPKS_\w+|need-more|frame)$/);
      }),
      { numRuns: 1000 },
    );
  });
});

/** Objects and buffers of one prototype, for deepEqual. */
function plain<T>(value: T): T {
  if (value instanceof Uint8Array) return new Uint8Array(value) as T;
  if (Array.isArray(value)) return value.map(plain) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)])) as T;
}
