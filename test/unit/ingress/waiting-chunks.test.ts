import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KEYFRAME, WaitingChunks } from '../../../src/ingress/waiting-chunks.js';

const small = fc.uint8Array({ maxLength: 20 });
const large = fc.integer({ min: 4096, max: 20_000 }).map((size) => new Uint8Array(size).fill(size));
const operation = fc.oneof(
  { weight: 8, arbitrary: small },
  { weight: 2, arbitrary: large },
  { weight: 1, arbitrary: fc.constant(KEYFRAME) },
  { weight: 2, arbitrary: fc.constant('shift' as const) },
);

/** Bytes in their order, with a mark before each keyframe. */
function add(out: (number | typeof KEYFRAME)[], chunk: Uint8Array | typeof KEYFRAME): void {
  if (chunk === KEYFRAME) out.push(chunk);
  else for (const byte of chunk) out.push(byte);
}

test('what waits comes out in its order, with the marks at their places', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const waiting = new WaitingChunks();
      const pushed: (number | typeof KEYFRAME)[] = [];
      const taken: (number | typeof KEYFRAME)[] = [];
      const take = () => {
        const { front } = waiting;
        if (front === undefined) return;
        add(taken, front);
        waiting.shift();
      };
      for (const one of operations) {
        if (one === 'shift') take();
        else {
          add(pushed, one);
          if (one === KEYFRAME) waiting.pushKeyframe();
          else waiting.push(one);
        }
      }
      while (waiting.front) take();
      assert.deepEqual(taken, pushed);
      assert.equal(waiting.count, 0);
    }),
    { numRuns: 200 },
  );
});

test('many small chunks are few objects, and of little more memory than their bytes', () => {
  const waiting = new WaitingChunks();
  const total = 1_000_000;
  for (let i = 0; i < total; i++) waiting.push(Uint8Array.of(i));
  assert.ok(waiting.count < 50, String(waiting.count));
  let at = 0;
  let memory = 0;
  for (let { front } = waiting; front; front = waiting.front) {
    assert.ok(front !== KEYFRAME);
    memory += front.buffer.byteLength;
    for (const byte of front) if (byte !== (at++ & 255)) assert.fail(`byte ${at}`);
    waiting.shift();
  }
  assert.equal(at, total);
  assert.ok(memory < total + 70_000, String(memory));
});

const oldest = ({ front }: WaitingChunks) => front && (front === KEYFRAME ? front : [...front]);

test('bytes that are added to the oldest chunk are seen', () => {
  const waiting = new WaitingChunks();
  waiting.push(Uint8Array.of(1));
  waiting.push(Uint8Array.of(2));
  waiting.shift();
  assert.deepEqual(oldest(waiting), [2]);
  waiting.push(Uint8Array.of(3));
  assert.deepEqual(oldest(waiting), [2, 3]);
  waiting.clear();
  assert.equal(oldest(waiting), undefined);
  waiting.push(Uint8Array.of(4));
  assert.deepEqual(oldest(waiting), [4]);
});
