import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explainShortage, requireMemory } from '../../../src/cli/geometry.js';
import { loadConfig } from '../../../src/config/index.js';
import { UploadResponseError } from '../../../src/errors/index.js';
import type { MachineInfo } from '../../../src/ring/machine.js';

const GB = 1e9;
const machine: MachineInfo = {
  memoryAvailable: 8 * GB,
  memoryTotal: 16 * GB,
  cgroupLimit: Number.POSITIVE_INFINITY,
  cgroupUsed: 0,
  l2CacheBytes: 0,
  l3CacheBytes: 0,
  cpus: 2,
};
const segment = loadConfig({
  env: {},
  cwd: '/',
  flags: [
    { key: 'segment.pools.uploads.streams', value: '100', flag: '' },
    { key: 'segment.pools.uploads.requestSlots', value: '16384', flag: '' },
    { key: 'segment.pools.uploads.responseSlots', value: '16384', flag: '' },
  ],
}).config.segment;
const plan = {
  totalBytes: 214.9 * GB,
  startBytes: 214.9 * GB,
  controlBytes: 0.2 * GB,
  dataBytes: 214.7 * GB,
  availableBytes: 8 * GB,
};

describe('a geometry that does not fit', () => {
  it('is refused with what it needs, what there is, and what to lower', () => {
    assert.throws(
      () => requireMemory(segment, plan, machine),
      (error: unknown) => {
        assert.ok(error instanceof UploadResponseError);
        assert.equal(error.code, 'OUT_OF_MEMORY');
        assert.match(error.message, /needs 214\.9 GB at start, and 8\.0 GB are free/);
        assert.match(error.message, /8\.0 GB available of 16\.0 GB/);
        assert.match(
          error.message,
          /100 streams x \(16384 request \+ 16384 response\) slots x 64KB/,
        );
        assert.match(error.message, /lower segment\.pools\.0\.requestSlots, /);
        assert.match(error.message, /requestSlots 610 and responseSlots 305 would fit/);
        return true;
      },
    );
  });

  it('says what the container has', () => {
    const inContainer = { ...machine, cgroupLimit: 0.5 * GB, cgroupUsed: 0.1 * GB };
    const text = explainShortage(segment, { ...plan, availableBytes: 0.4 * GB }, inContainer);
    assert.match(text, /container {2}400\.0 MB free of 500\.0 MB \(cgroup limit\)/);
  });

  it('passes where it fits', () => {
    requireMemory(segment, { ...plan, startBytes: 7 * GB }, machine);
  });
});
