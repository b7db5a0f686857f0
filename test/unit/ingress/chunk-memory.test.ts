import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeChunk } from '../../../src/ingress/chunk-memory.js';

test('memory that a chunk has for itself is freed', () => {
  const chunk = Buffer.from(new ArrayBuffer(65_536));
  freeChunk(chunk);
  assert.equal(chunk.length, 0);
});

test('memory that a chunk shares is left alone', () => {
  const whole = new ArrayBuffer(65_536);
  const part = new Uint8Array(whole, 0, 32_768);
  freeChunk(part);
  assert.equal(part.length, 32_768);
  const pooled = Buffer.from('a small one from the pool');
  freeChunk(pooled);
  assert.equal(pooled.toString(), 'a small one from the pool');
});
