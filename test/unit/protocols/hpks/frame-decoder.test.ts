import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  encodeBody,
  encodeEnd,
  encodeHeaders,
  type Frame,
  FrameDecoder,
  type ResponseHead,
} from '../../../../src/protocols/hpks/index.js';
import { renderFrame } from './vectors.js';

const head: ResponseHead = { kind: 'response', version: 1, status: 200, headers: [['x', 'y']] };
const frames = [
  encodeHeaders(1, head),
  encodeBody(1, Buffer.from('hello')),
  encodeHeaders(2, { ...head, status: 404 }),
  encodeBody(2, Buffer.alloc(3000, 0x62)),
  encodeBody(1, new Uint8Array(0)),
  encodeEnd(2),
  encodeEnd(1),
];
const stream = Buffer.concat(frames);

function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, index) => bytes.slice(index * size, (index + 1) * size));
}

function collect(decoder: FrameDecoder, chunks: Uint8Array[]): Frame[] {
  const found: Frame[] = [];
  for (const chunk of chunks) found.push(...decoder.push(chunk));
  decoder.finish();
  return found;
}

describe('FrameDecoder', () => {
  const whole = collect(new FrameDecoder(), [stream]).map(renderFrame);

  it('finds all frames of one chunk', () => {
    assert.equal(whole.length, frames.length);
    assert.deepEqual(whole[1], ['frame body stream 1 data 68656c6c6f']);
    assert.deepEqual(whole[6], ['frame end stream 1']);
  });

  for (const size of [1, 2, 3, 7, 16, 100, 1023, 1024, 2999]) {
    it(`finds the same in pieces of ${size} bytes`, () => {
      const found = collect(new FrameDecoder(), pieces(stream, size));
      assert.deepEqual(found.map(renderFrame), whole);
    });
  }

  it('keeps bodies intact that were given out before', () => {
    const bodies = Array.from({ length: 200 }, (_, index) =>
      encodeBody(1, Buffer.alloc(40, index)),
    );
    for (const size of [1, 30, 55, 56, 90, 1000]) {
      const found = collect(new FrameDecoder(), pieces(Buffer.concat(bodies), size));
      for (const [index, frame] of found.entries()) {
        assert.ok(frame.type === 'body' && frame.data.every((byte) => byte === index));
      }
      assert.equal(found.length, bodies.length);
    }
  });

  it('does not look at a chunk again once it has been iterated', () => {
    const decoder = new FrameDecoder();
    const chunk = frames[0]?.slice(0, 20) as Uint8Array;
    assert.deepEqual([...decoder.push(chunk)], []);
    chunk.fill(0);
    assert.equal([...decoder.push(frames[0]?.subarray(20) as Uint8Array)].length, 1);
  });

  it('goes on where an iteration stopped', () => {
    const decoder = new FrameDecoder();
    for (const frame of decoder.push(stream)) {
      assert.deepEqual(renderFrame(frame), whole[0]);
      break;
    }
    assert.throws(() => decoder.push(stream), { code: 'INVALID_ARGUMENT' });
    assert.deepEqual([...decoder.frames()].map(renderFrame), whole.slice(1));
    assert.deepEqual([...decoder.frames()], []);
    assert.equal([...decoder.push(stream)].length, frames.length);
  });

  it('gives the frames before malformed bytes, then always the error', () => {
    const decoder = new FrameDecoder();
    const seen: Frame[] = [];
    const bytes = Buffer.concat([encodeEnd(1), encodeEnd(2), Buffer.from('HPKT')]);
    const run = () => {
      for (const frame of decoder.push(bytes)) seen.push(frame);
    };
    assert.throws(run, { code: 'HPKS_BAD_MAGIC' });
    assert.deepEqual(
      seen.map((frame) => frame.streamId),
      [1n, 2n],
    );
    assert.throws(() => decoder.push(encodeEnd(3)), { code: 'HPKS_BAD_MAGIC' });
    assert.throws(() => [...decoder.frames()], { code: 'HPKS_BAD_MAGIC' });
    assert.throws(() => decoder.finish(), { code: 'HPKS_BAD_MAGIC' });
  });

  it('says at the end whether a frame was cut off', () => {
    const decoder = new FrameDecoder();
    decoder.finish();
    assert.equal([...decoder.push(stream.subarray(0, stream.length - 1))].length, 6);
    assert.equal(decoder.bufferedBytes, 14);
    assert.throws(() => decoder.finish(), { code: 'HPKS_TRUNCATED' });
  });

  it('holds no more than the limit and one piece', () => {
    const decoder = new FrameDecoder({ maxFrameBytes: 4096 });
    const headers = Array(200).fill(['name', 'a value of 20 bytes!']);
    let most = 0;
    const run = () => {
      for (const piece of pieces(encodeHeaders(1, { ...head, headers }), 10)) {
        for (const _ of decoder.push(piece)) assert.fail('no frame is small enough');
        most = Math.max(most, decoder.bufferedBytes);
      }
    };
    assert.throws(run, { code: 'HPKS_TOO_LONG' });
    assert.ok(most > 4000 && most <= 4096, `${most} bytes`);
  });

  it('looks at each byte once, however it is cut', () => {
    // A decoder that began anew with each piece would look at 2 * 10^11 bytes here.
    const headers = Array(8000).fill(['name', 'v'.repeat(72)]);
    const bytes = encodeHeaders(1, { ...head, headers });
    const found = collect(new FrameDecoder(), pieces(bytes, 1));
    assert.deepEqual(found, [{ type: 'headers', streamId: 1n, head: { ...head, headers } }]);
  });
});
