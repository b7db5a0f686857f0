// 'npm run bench:micro': single calls of the TypeScript layers, in one process with a segment of its own.
// docs/benchmarks.md says what each row means.

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Benchmark from 'benchmark';
import { loadAddon } from '../../src/native/index.js';
import { decodeHeaders, encodeHeaders, type RequestHead } from '../../src/protocols/hpks/index.js';
import { Lane, Segment, SlotFlag } from '../../src/ring/index.js';
import { benchOptions } from '../support/options.js';
import { Report } from '../support/report.js';
import { median } from '../support/statistics.js';

interface Case {
  readonly name: string;
  readonly run: () => unknown;
  /** Bytes that one call moves or hashes. */
  readonly bytes?: number;
}

const options = benchOptions({ trials: 1 }, ['calls']);
const report = new Report('bench:micro', options);
const folder = mkdtempSync(join(tmpdir(), 'ur-bench-'));
const segment = Segment.create({
  socket: join(folder, 'control.sock'),
  name: 'bench',
  pools: [
    {
      ...{ name: 'bench', streams: 2, slotSize: 65_536, requestSlots: 16, responseSlots: 16 },
      ...{ stageSlots: 2, stages: [], readersPerLane: 4 },
    },
  ],
  maxWorkers: 2,
  requiredObservers: [],
  memory: 'fixed',
  warmStreams: 0,
});

try {
  const cases = [...ringCases(), ...hpksCases()];
  const rows = cases.map((one) => ({ ...one, nsPerCall: measure(one) }));
  report.add({
    name: 'calls',
    title: 'Single calls, one process, nobody sleeps',
    notes: ['The median of the samples that the "benchmark" package takes.'],
    columns: ['call', 'ns per call', 'GB/s'],
    rows: rows.map(({ name, nsPerCall, bytes }) => [
      name,
      nsPerCall.toFixed(0),
      bytes === undefined ? '' : (bytes / nsPerCall).toFixed(1),
    ]),
    data: rows.map(({ name, nsPerCall }) => ({ name, nsPerCall })),
    hashes: [checkSlots(), checkHpks()],
  });
} finally {
  segment.close();
  rmSync(folder, { recursive: true, force: true });
}
report.finish();

/** Median time of one call in ns. */
function measure({ name, run }: Case): number {
  const time = options.small ? { maxTime: 0.005, minSamples: 1 } : { maxTime: 1 };
  const benchmark = new Benchmark(name, run, time);
  benchmark.run();
  if (benchmark.error) throw benchmark.error as unknown as Error;
  return median(benchmark.stats.sample) * 1e9;
}

function lane(kind: number) {
  const id = segment.native.openStream(0, 'bench');
  const reader = segment.join(id, kind, 0);
  const writer = kind === Lane.request ? segment.requestWriter(id) : segment.tryClaim(id, kind);
  if (!writer) throw new Error('the lane is claimed');
  return { reader, writer };
}

function bytesOf(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = options.seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

function ringCases(): Case[] {
  const { reader, writer } = lane(Lane.request);
  const large = bytesOf(65_536);
  const small = large.subarray(0, 64);
  const words = new Uint32Array(4);
  const addon = loadAddon();
  const receive = () => {
    const slot = reader.tail();
    if (!slot) throw new Error('the slot is missing');
    reader.release(slot.id);
    return slot;
  };
  return [
    { name: 'native call (writer.last)', run: () => writer.native.last },
    { name: 'native call that finds nothing (tail)', run: () => reader.native.tail(words, 1) },
    { name: 'view on a slot', run: () => segment.view(0, 65_536, 65_536) },
    { name: 'xxh3 of 64 KiB', run: () => addon.xxh3(large), bytes: large.length },
    {
      name: 'append 64 KiB, tail, release',
      run: () => {
        writer.tryAppend(large);
        receive();
      },
      bytes: large.length,
    },
    {
      name: 'append 64 KiB, tail, verify, release',
      run: () => {
        writer.tryAppend(large);
        const slot = reader.tail();
        if (!slot) throw new Error('the slot is missing');
        reader.verify(slot.id);
        reader.release(slot.id);
      },
      bytes: large.length,
    },
    {
      name: 'write 64 bytes, tail, release',
      run: () => {
        writer.tryWrite(small, SlotFlag.body);
        receive();
      },
    },
    {
      name: 'reserve, commit, tail, release',
      run: () => {
        const view = writer.tryReserve();
        if (!view) throw new Error('the lane is full');
        view[0] = 1;
        writer.commit(64);
        receive();
      },
    },
  ];
}

function sampleHead(): RequestHead {
  return {
    kind: 'request',
    version: 1,
    method: 'POST',
    scheme: 'https',
    authority: 'uploads.example.org',
    path: '/upload/videos/2024/summer?part=17',
    headers: [
      ['content-type', 'application/octet-stream'],
      ['content-length', '1073741824'],
      ['authorization', 'Bearer 0123456789abcdef0123456789abcdef'],
      ['user-agent', 'curl/8.5.0'],
      ['accept', '*/*'],
      ['x-request-id', '6f1ed002-ab59-4e2c-8e8c-1c9d9f3a1b2c'],
      ['cookie', 'session=abc; theme=dark'],
      ['accept-encoding', 'gzip, deflate, br'],
    ],
  };
}

function hpksCases(): Case[] {
  const head = sampleHead();
  const frame = encodeHeaders(65_537, head);
  return [
    {
      name: `HPKS: encode a head of ${frame.length} bytes`,
      run: () => encodeHeaders(65_537, head),
    },
    { name: `HPKS: decode a head of ${frame.length} bytes`, run: () => decodeHeaders(frame) },
  ];
}

/** A hundred slots of different lengths through a ring of 16; the hash of what came out. */
function checkSlots(): string {
  const { reader, writer } = lane(Lane.response);
  const bytes = bytesOf(65_536);
  const hash = createHash('sha256');
  for (let i = 1; i <= 100; i++) {
    const sent = bytes.subarray(0, i * 600);
    writer.tryWrite(sent, SlotFlag.body);
    const slot = reader.tail();
    if (!slot || Buffer.compare(slot.bytes, sent) !== 0) throw new Error(`slot ${i} is wrong`);
    reader.verify(slot.id);
    hash.update(slot.bytes);
    reader.release(slot.id);
  }
  return hash.digest('hex');
}

function checkHpks(): string {
  const frame = encodeHeaders(65_537, sampleHead());
  const { head } = decodeHeaders(frame).frame;
  if (JSON.stringify(head) !== JSON.stringify(sampleHead()))
    throw new Error('the head has changed');
  return createHash('sha256').update(frame).digest('hex');
}
