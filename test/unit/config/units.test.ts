import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  formatDuration,
  formatSize,
  humanBytes,
  parseDuration,
  parseSize,
  unitOf,
} from '../../../src/config/units.js';

describe('units', () => {
  it('tells sizes and durations by the end of a key', () => {
    assert.equal(unitOf('slotSize'), 'size');
    assert.equal(unitOf('maxBodyBytes'), 'size');
    assert.equal(unitOf('minRateBytesPerSecond'), 'size');
    assert.equal(unitOf('evictAfterMs'), 'duration');
    assert.equal(unitOf('streams'), undefined);
  });

  it('reads sizes', () => {
    for (const [text, bytes] of [
      ['0', 0],
      ['65536', 65_536],
      ['64KB', 65_536],
      ['64 KiB', 65_536],
      ['64k', 65_536],
      ['1MB', 1_048_576],
      ['1.5GB', 1_610_612_736],
      ['1_000b', 1000],
      ['2TiB', 2 ** 41],
    ] as const) {
      assert.equal(parseSize(text), bytes, text);
    }
    for (const text of ['', 'KB', '-1', '1XB', '1e3', '1 2', '0x10', 'ib', '5i']) {
      assert.equal(parseSize(text), undefined, text);
    }
  });

  it('reads durations', () => {
    for (const [text, ms] of [
      ['250', 250],
      ['500ms', 500],
      ['1.5s', 1500],
      ['5m', 300_000],
      ['5min', 300_000],
      ['2 h', 7_200_000],
      ['1D', 86_400_000],
    ] as const) {
      assert.equal(parseDuration(text), ms, text);
    }
    for (const text of ['', 's', '1 week', '-5s', '1KB']) {
      assert.equal(parseDuration(text), undefined, text);
    }
  });

  it('writes what it reads', () => {
    for (const value of [0, 1, 1000, 1024, 65_536, 3 * 2 ** 20, 2 ** 41]) {
      assert.equal(parseSize(formatSize(value)), value);
    }
    for (const value of [0, 1, 1500, 30_000, 60_000, 90_000, 7_200_000]) {
      assert.equal(parseDuration(formatDuration(value)), value);
    }
  });

  it('shows bytes to people', () => {
    assert.equal(humanBytes(0), '0 B');
    assert.equal(humanBytes(999), '999 B');
    assert.equal(humanBytes(999_999), '1.0 MB');
    assert.equal(humanBytes(201_326_592), '201.3 MB');
    assert.equal(humanBytes(Number.POSITIVE_INFINITY), 'no limit');
  });
});
