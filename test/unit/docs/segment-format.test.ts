// What the page leaves out, and whether its formulas lead to the bytes. That the offsets of its tables
// and its dumps are right is native/test/format_test.cc.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ERRORS } from '../../../src/errors/index.js';
import type { PoolOptions } from '../../../src/native/index.js';
import { Lane, type RingWriter, Segment, SlotFlag } from '../../../src/ring/index.js';
import { evaluate, firstColumn, page, repositoryFile } from './format-page.js';

const layout = repositoryFile('native/core/layout.h');
const protocol = repositoryFile('native/control/protocol.h');
const withoutComments = (source: string): string => source.replace(/\/\/.*$/gm, '');

/** Names of the members of a struct, in order. */
function members(source: string, name: string): string[] {
  const body = new RegExp(`^struct ${name} \\{([\\s\\S]*?)^\\};`, 'm').exec(source)?.[1] ?? '';
  const declaration = /(?:alignas\(\d+\)\s+)?[\w:]+\s+(\w+)(?:\[\w+\])*;/g;
  return [...withoutComments(body).matchAll(declaration)].map((match) => match[1] as string);
}

/** Names of the constants and of the enumerators of a header; those of an enum class with its name. */
function constants(source: string): string[] {
  const text = withoutComments(source);
  const single = [...text.matchAll(/^inline constexpr \w+ (k\w+) =/gm)].map((match) => match[1]);
  const enums = [...text.matchAll(/^enum (class )?(\w+) : \w+ \{([^}]*)\}/gm)];
  const listed = enums.flatMap(([, scoped, name, body = '']) =>
    [...body.matchAll(/\b(k\w+) =/g)].map(([, one]) => (scoped ? `${name}::${one}` : one)),
  );
  return [...single, ...listed] as string[];
}

describe('docs/segment-format.md', () => {
  it('names every member of every structure, in order', () => {
    const structures = [...layout.matchAll(/^struct (\w+) \{/gm)].map(
      (match) => match[1] as string,
    );
    assert.equal(structures.length, 8);
    for (const [source, names] of [
      [layout, structures],
      [protocol, ['Hello', 'Welcome', 'Order']],
    ] as const) {
      for (const name of names) {
        const size = new RegExp(`<!-- layout ${name} (\\d+) -->`).exec(page)?.[1];
        assert.deepEqual(firstColumn(`layout ${name} ${size}`), members(source, name), name);
      }
    }
  });

  it('names every constant', () => {
    const expected = [...constants(layout), ...constants(protocol)];
    assert.deepEqual(firstColumn('constants').sort(), expected.sort());
  });

  it('describes the version that the code has', () => {
    const number = (name: string) => new RegExp(`${name} = (\\d+)`).exec(layout)?.[1];
    assert.match(
      page,
      new RegExp(`^Version ${number('kAbiMajor')}\\.${number('kAbiMinor')}\\.`, 'm'),
    );
  });

  it('names no error that there is not', () => {
    const names = [...page.matchAll(/`([A-Z]+(?:_[A-Z]+)+|FULL|EMPTY|PINNED|LAPPED|EVICTED)`/g)]
      .map((match) => match[1] as string)
      .filter((name) => !/^(UR|MSG|F|MAP|MADV|CLOCK|SCM|FUTEX|PROT|XDG)_/.test(name));
    const unknown = names.filter((name) => !(name in ERRORS || /^RING_|^PARK/.test(name)));
    assert.deepEqual(unknown, []);
  });

  const pool = (name: string, options: Partial<PoolOptions>): PoolOptions => ({
    name,
    streams: 1,
    slotSize: 1024,
    requestSlots: 2,
    responseSlots: 2,
    stageSlots: 2,
    stages: [],
    readersPerLane: 2,
    ...options,
  });
  const geometries: Record<string, PoolOptions[]> = {
    'one small pool': [pool('a', {})],
    'odd sizes': [pool('a', { streams: 7, slotSize: 1025, requestSlots: 5, responseSlots: 3 })],
    'several pools': [
      pool('a', { streams: 65, slotSize: 5000, readersPerLane: 9, stages: ['x', 'y'] }),
      pool('b', { slotSize: 4096, requestSlots: 3, stageSlots: 5, stages: ['z'] }),
      pool('c', { streams: 130, requestSlots: 17, readersPerLane: 3 }),
    ],
  };
  for (const [name, pools] of Object.entries(geometries)) {
    it(`gives formulas that lead to every byte: ${name}`, () => {
      const folder = mkdtempSync(join(tmpdir(), 'ur-format-'));
      const segment = Segment.create({
        socket: join(folder, 's'),
        name: 'server',
        maxWorkers: 3,
        requiredObservers: [],
        memory: 'fixed',
        warmStreams: 0,
        pools,
      });
      try {
        new PageReader(segment, pools).check();
      } finally {
        segment.close();
        rmSync(folder, { recursive: true });
      }
    });
  }
});

/** Finds everything by the page's formulas and compares it with what the native layer wrote. */
class PageReader {
  readonly #segment: Segment;
  readonly #bytes: DataView;
  readonly #pools: Record<string, number>[] = [];
  readonly #values: Record<string, number>;

  constructor(segment: Segment, pools: readonly PoolOptions[]) {
    this.#segment = segment;
    this.#bytes = new DataView(segment.native.windows[0] as ArrayBuffer);
    const streams = pools.reduce((sum, { streams }) => sum + streams, 0);
    this.#values = evaluate('formulas segment', { pools: pools.length, workers: 3, streams });
    let at = this.#values.at as number;
    let firstStream = 0;
    const place = (block: string): void => {
      for (const [index, known] of this.#pools.entries()) {
        const placed = evaluate(`formulas ${block}`, { ...known, at });
        at = placed.at as number;
        this.#pools[index] = placed;
      }
    };
    for (const { streams, slotSize, requestSlots, responseSlots, ...rest } of pools) {
      this.#pools.push({
        first_stream: firstStream,
        stream_count: streams,
        slot_size: slotSize,
        request_slots: requestSlots,
        response_slots: responseSlots,
        stage_slots: rest.stages.length > 0 ? rest.stageSlots : 0,
        stage_count: rest.stages.length,
        readers_per_lane: rest.readersPerLane,
      });
      firstStream += streams;
    }
    place('control');
    at = Math.ceil(at / 4096) * 4096;
    this.#values.request_data_begin = at;
    place('request');
    this.#values.request_data_end = at;
    place('response');
    this.#values.total_size = at;
  }

  check(): void {
    this.#expectFields('SegmentHeader', 0, this.#values);
    for (const [index, values] of this.#pools.entries()) {
      this.#expectFields('PoolRow', 4096 + 384 * index, values);
      const { stream_count: streams = 0, lanes = 0 } = values;
      for (let stream = 0; stream < streams; stream += Math.max(1, streams - 1)) {
        this.#checkStream(index);
      }
      assert.equal(lanes, 2 + (values.stage_count ?? 0));
    }
  }

  /** Opens a stream and writes two slots to each of its lanes. */
  #checkStream(pool: number): void {
    const { native } = this.#segment;
    const id = native.openStream(pool, 'test');
    assert.ok(id > 0);
    for (let lane = 0; lane < (this.#pools[pool]?.lanes ?? 0); lane++) {
      const writer =
        lane === Lane.request
          ? this.#segment.requestWriter(id)
          : (this.#segment.tryClaim(id, lane) as RingWriter);
      for (let slot = 1; slot <= 2; slot++) {
        const bytes = new Uint8Array(1000).fill(16 * lane + slot);
        assert.ok(writer.tryWrite(bytes, SlotFlag.body));
        this.#expectSlot(pool, id, lane, slot, bytes);
      }
      writer.release();
    }
  }

  #expectSlot(pool: number, id: number, lane: number, slot: number, bytes: Uint8Array): void {
    const values = this.#pools[pool] as Record<string, number>;
    const slots = lane === 0 ? 'request_slots' : lane === 1 ? 'response_slots' : 'stage_slots';
    const at = evaluate('formulas lane', {
      ...values,
      i: (id % 65536) - (values.first_stream ?? 0),
      l: lane,
      id: slot,
      N: values[slots] as number,
    });
    const u64 = (offset: number) => Number(this.#bytes.getBigUint64(offset, true));
    assert.equal(u64((at.lane as number) + 8), slot, 'last');
    const header = at.slot_header as number;
    assert.equal(u64(header), 2 * slot, 'seq');
    assert.equal(this.#bytes.getUint32(header + 8, true), bytes.length, 'length');
    const view = new Uint8Array(this.#bytes.buffer, at.slot_data as number, bytes.length);
    assert.deepEqual(view, bytes);
  }

  /** Every field of a structure that the formulas give must be what the segment says of itself. */
  #expectFields(structure: string, at: number, values: Record<string, number>): void {
    const row = /^\| `(\w+)` \| (\d+) \| ([48]) \|/;
    const table = page.split(`<!-- layout ${structure} `)[1]?.split('\n#')[0] ?? '';
    for (const line of table.split('\n')) {
      const [, name = '', offset, size] = row.exec(line) ?? [];
      const expected = values[name];
      if (expected === undefined) continue;
      const where = at + Number(offset);
      const found =
        size === '4'
          ? this.#bytes.getUint32(where, true)
          : Number(this.#bytes.getBigUint64(where, true));
      assert.equal(found, expected, `${structure}.${name}`);
    }
  }
}
