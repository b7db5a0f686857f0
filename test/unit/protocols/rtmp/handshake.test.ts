import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { answerHandshake, HANDSHAKE_BYTES } from '../../../../src/protocols/rtmp/index.js';

const CLIENT_KEY = 'Genuine Adobe Flash Player 001';

/** A C1 that is signed in the layout whose offset begins at `layout`. */
function signed(layout: number): { c1: Buffer; at: number } {
  const c1 = randomBytes(HANDSHAKE_BYTES);
  c1.writeUInt32BE(0x80000702, 4);
  const offset = [0, 1, 2, 3].reduce((sum, i) => sum + (c1[layout + i] as number), 0);
  const at = (offset % 728) + layout + 4;
  const rest = Buffer.concat([c1.subarray(0, at), c1.subarray(at + 32)]);
  createHmac('sha256', CLIENT_KEY).update(rest).digest().copy(c1, at);
  return { c1, at };
}

test('the plain handshake echoes C1', () => {
  const c1 = randomBytes(HANDSHAKE_BYTES);
  c1.writeUInt32BE(0, 4);
  const answer = answerHandshake(3, c1);
  assert.equal(answer.length, 1 + 2 * HANDSHAKE_BYTES);
  assert.equal(answer[0], 3);
  assert.equal(answer.readUInt32BE(5), 0);
  assert.deepEqual(answer.subarray(1 + HANDSHAKE_BYTES), c1);
});

test('a version in C1 without a signature gets the plain answer', () => {
  const c1 = Buffer.alloc(HANDSHAKE_BYTES, 9);
  assert.deepEqual(answerHandshake(3, c1).subarray(1 + HANDSHAKE_BYTES), c1);
});

for (const layout of [8, 772]) {
  test(`a signature in the layout at ${layout} is answered by one over it`, () => {
    const { c1, at } = signed(layout);
    const answer = answerHandshake(3, c1);
    assert.notEqual(answer.readUInt32BE(5), 0);
    const s2 = answer.subarray(1 + HANDSHAKE_BYTES);
    const tail = 'f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae';
    const whole = Buffer.concat([
      Buffer.from('Genuine Adobe Flash Media Server 001'),
      Buffer.from(tail, 'hex'),
    ]);
    const key = createHmac('sha256', whole)
      .update(c1.subarray(at, at + 32))
      .digest();
    const expected = createHmac('sha256', key).update(s2.subarray(0, -32)).digest();
    assert.deepEqual(s2.subarray(-32), expected);
  });
}

test('another version is refused', () => {
  assert.throws(() => answerHandshake(6, Buffer.alloc(HANDSHAKE_BYTES)), {
    code: 'RTMP_HANDSHAKE',
  });
});
