import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type DecodeLimits,
  decodeFrame,
  decodeHeaders,
  decodeMessage,
  encodeBody,
  encodeHeaders,
  encodeMessage,
  FrameDecoder,
  type ResponseHead,
} from '../../../../src/protocols/hpks/index.js';
import { latin1, portableSlice } from '../../../../src/protocols/hpks/latin1.js';

const head: ResponseHead = { kind: 'response', version: 1, status: 200, headers: [['x', '\xff']] };

describe('decodeFrame', () => {
  it('gives body data as a view, not as a copy', () => {
    const bytes = encodeBody(1, Buffer.from('hello'));
    const result = decodeFrame(bytes);
    assert.ok(!result.needMore && result.frame.type === 'body');
    assert.equal(result.frame.data.buffer, bytes.buffer);
  });

  it('reads views, Buffers and shared memory alike', () => {
    const bytes = encodeHeaders(5, head);
    const view = new Uint8Array(new SharedArrayBuffer(bytes.length + 7), 7);
    view.set(bytes);
    assert.deepEqual(decodeFrame(view), decodeFrame(bytes));
    assert.deepEqual(decodeFrame(Buffer.from(bytes)), decodeFrame(bytes));
  });

  it('refuses limits that are not sizes', () => {
    const wrong: DecodeLimits[] = [
      { maxFieldBytes: -1 },
      { maxFieldBytes: 0.5 },
      { maxFrameBytes: 31 },
      { maxFrameBytes: Number.NaN },
    ];
    for (const limits of wrong) {
      assert.throws(() => decodeFrame(new Uint8Array(0), limits), { code: 'INVALID_ARGUMENT' });
      assert.throws(() => decodeMessage(new Uint8Array(0), limits), { code: 'INVALID_ARGUMENT' });
      assert.throws(() => new FrameDecoder(limits), { code: 'INVALID_ARGUMENT' });
    }
  });

  it('names a byte and never the content in an error', () => {
    const secret = Buffer.from(encodeHeaders(5, { ...head, headers: [['x', 'secret!']] }));
    secret[secret.length - 1] = 0x0a;
    assert.throws(
      () => decodeFrame(secret),
      (error: Error) =>
        error.message.includes(`byte ${secret.length - 1}`) && !/secret/.test(error.message),
    );
  });
});

describe('decodeHeaders', () => {
  const frame = encodeHeaders(5, head);

  it('decodes the headers frame at the start', () => {
    const result = decodeHeaders(Buffer.concat([frame, Buffer.from('more')]));
    assert.deepEqual(result, {
      frame: { type: 'headers', streamId: 5n, head },
      consumed: frame.length,
    });
  });

  it('wants the whole of it', () => {
    for (let size = 0; size < frame.length; size++) {
      assert.throws(() => decodeHeaders(frame.subarray(0, size)), { code: 'HPKS_TRUNCATED' });
    }
  });

  it('wants no other frame', () => {
    const body = encodeBody(5, new Uint8Array(1));
    assert.throws(() => decodeHeaders(body), { code: 'HPKS_BAD_FRAME_TYPE' });
  });
});

describe('decodeMessage', () => {
  it('gives the body as a view, not as a copy', () => {
    const bytes = encodeMessage(head, Buffer.from('hello'));
    const result = decodeMessage(bytes);
    assert.ok(!result.needMore);
    assert.equal(result.message.body.buffer, bytes.buffer);
    assert.equal(Buffer.from(result.message.body).toString(), 'hello');
  });
});

describe('latin1', () => {
  it('is the same with and without Buffer', () => {
    const bytes = Uint8Array.from({ length: 10_000 }, (_, index) => index * 7);
    const portable = portableSlice.call(bytes, 3, 9_999);
    assert.equal(latin1(bytes, 3, 9_999), portable);
    assert.equal(portable, Buffer.from(bytes).toString('latin1', 3, 9_999));
  });
});
