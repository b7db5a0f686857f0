import type { Table } from '../support/report.js';
import type { ThroughputResult, ThroughputRow } from './throughput.js';

export const KIB = 1024;
export const MIB = 1024 * KIB;

/** The origin's ten slot sizes, in KiB. */
const SLOT_SIZES_KIB = [16, 32, 64, 100, 128, 256, 512, 768, 1024, 2048];
const LARGEST_SLOT_KIB = 2048;
const WARM_SOURCE_BYTES = MIB;

const gigabytes = (bytesPerSecond: number) => (bytesPerSecond / 1e9).toFixed(2);
const ratio = (value: number) => value.toFixed(2);
const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
const count = (value: number) =>
  value >= 1e6 ? `${(value / 1e6).toFixed(1)} M` : `${(value / 1e3).toFixed(1)} k`;

const SIDES = [
  'GB = 10^9 bytes. "ring": one process writes (copy + XXH3), another one reads, verifies every slot',
  'and acknowledges it. "memcpy": plain memcpy of the same bytes in one process and one thread, from',
  "the same source buffer into a buffer of the ring's size; its bytes never leave one core's caches.",
].join('\n');
const SOURCES = [
  '"distinct": the source is the whole upload, every byte comes from memory once. "warm": the source',
  `is ${WARM_SOURCE_BYTES / MIB} MiB (or one slot) used again and again, which stays in the cache.`,
].join('\n');

/** Table (a): slot sizes, each with both sources. */
export function slotSizeRows(small: boolean): ThroughputRow[] {
  const totalBytes = (small ? 16 : 512) * MIB;
  return SLOT_SIZES_KIB.flatMap((kib) => {
    const slotBytes = kib * KIB;
    const slots = Math.max(4, Math.floor((4 * MIB) / slotBytes));
    const warm = kib === LARGEST_SLOT_KIB ? slotBytes : WARM_SOURCE_BYTES;
    return [totalBytes, warm].map((sourceBytes) => ({
      label: `${kib} KiB`,
      slotBytes,
      slots,
      totalBytes,
      sourceBytes,
    }));
  });
}

export function slotSizeTable(results: readonly ThroughputResult[]): Table {
  const distinct = results.filter((_, index) => index % 2 === 0);
  const warm = results.filter((_, index) => index % 2 === 1);
  const totalBytes = results[0]?.row.totalBytes ?? 0;
  return {
    name: 'slot-size',
    title: `Slot size: one upload of ${totalBytes / MIB} MiB, 1 writer, 1 reader, a ring of 4 MiB`,
    notes: [`${SIDES}\n${SOURCES}\n"ring" of 2048 KiB slots is 8 MiB: 4 slots.`],
    columns: [
      ...['slot', 'slots used', 'distinct: ring GB/s', 'memcpy GB/s', 'ratio'],
      ...['warm: ring GB/s', 'memcpy GB/s', 'ratio'],
    ],
    rows: distinct.map((one, index) => [
      one.row.label,
      String(Math.ceil(one.row.totalBytes / one.row.slotBytes)),
      ...sides(one),
      ...sides(warm[index] as ThroughputResult),
    ]),
    data: results.map(numbers),
    hashes: results.map(({ hash }) => hash),
  };
}

const sides = (one: ThroughputResult) => [
  gigabytes(one.ringBytesPerSecond),
  gigabytes(one.copyBytesPerSecond),
  ratio(one.ratio),
];

/** Table (b): one large upload through rings of three sizes. */
export function singleStreamRows(small: boolean): ThroughputRow[] {
  const totalBytes = (small ? 32 : 1024) * MIB;
  const slotBytes = 64 * KIB;
  const rings = [
    { slots: 16, name: '1 MiB ring' },
    { slots: 64, name: '4 MiB ring' },
    { slots: 1024, name: '64 MiB ring' },
  ];
  const rows = rings.flatMap(({ slots, name }) =>
    [totalBytes, WARM_SOURCE_BYTES].map((sourceBytes) => ({
      label: `${name}, ${sourceBytes === totalBytes ? 'distinct' : 'warm'}`,
      ...{ slotBytes, slots, totalBytes, sourceBytes },
    })),
  );
  const straddling = { slotBytes, slots: 16, totalBytes, sourceBytes: WARM_SOURCE_BYTES };
  return [
    ...rows,
    { label: '1 MiB ring, warm, writes straddle slots', ...straddling, firstBytes: 65_000 },
  ];
}

export function singleStreamTable(results: readonly ThroughputResult[]): Table {
  const totalBytes = results[0]?.row.totalBytes ?? 0;
  return {
    name: 'single-stream',
    title: `One stream of ${totalBytes / MIB} MiB in slots of 64 KiB, 1 writer, 1 reader`,
    notes: [`${SIDES}\n${SOURCES}`],
    columns: [
      ...['ring and source', 'ring GB/s', 'spread', 'memcpy GB/s', 'ratio'],
      ...['writer CPU s/GB', 'reader CPU s/GB'],
    ],
    rows: results.map((one) => {
      const [ring, copy, share] = sides(one) as [string, string, string];
      const gb = one.row.totalBytes / 1e9;
      const cpu = [one.writerCpuSeconds, one.readerCpuSeconds].map((s) => (s / gb).toFixed(3));
      return [one.row.label, ring, percent(one.spread), copy, share, ...cpu];
    }),
    data: results.map(numbers),
    hashes: results.map(({ hash }) => hash),
  };
}

/** Table (c): eight streams, one writer and two readers each. */
export function multiStreamRows(small: boolean): ThroughputRow[] {
  const totalBytes = (small ? 4 : 128) * MIB;
  return [2, 16].map((processes) => ({
    label: `${processes} reader processes`,
    ...{ slotBytes: 64 * KIB, slots: 16, totalBytes, sourceBytes: WARM_SOURCE_BYTES },
    ...{ streams: 8, readers: 2, processes },
  }));
}

export function multiStreamTable(results: readonly ThroughputResult[]): Table {
  return fanOutTable(results, {
    name: 'multi-stream',
    title:
      '8 streams, each with 1 writer and 2 readers, slots of 64 KiB, rings of 1 MiB, warm source',
    notes: [
      `The server process writes all 8 streams in turn, as its one JavaScript thread does. ${SIDES}`,
      "Read counts every reader's bytes; the ratio is that of what was written.",
    ],
  });
}

/** Table (d): a thousand gating readers of one stream. */
export function manyReadersRows(small: boolean): ThroughputRow[] {
  const shape = { sourceBytes: WARM_SOURCE_BYTES, readers: 1000, processes: 4, verify: false };
  return [
    {
      label: '64 KiB slots',
      slotBytes: 64 * KIB,
      slots: 16,
      totalBytes: (small ? 8 : 256) * MIB,
      ...shape,
    },
    {
      label: '1 KiB slots',
      slotBytes: KIB,
      slots: 64,
      totalBytes: (small ? 1 : 16) * MIB,
      ...shape,
    },
  ];
}

export function manyReadersTable(results: readonly ThroughputResult[]): Table {
  return fanOutTable(results, {
    name: 'many-readers',
    title: '1000 gating readers of one stream in 4 processes, 1 writer',
    notes: [
      'Every reader takes a zero-copy view of every slot and acknowledges it; the bytes themselves are',
      'not looked at (verification is off). The writer waits for the slowest of the thousand.',
    ],
  });
}

function fanOutTable(
  results: readonly ThroughputResult[],
  { name, title, notes }: Pick<Table, 'name' | 'title' | 'notes'>,
): Table {
  return {
    name,
    title,
    notes: [notes.join('\n')],
    columns: [
      ...['readers', 'write GB/s', 'write slots/s', 'read GB/s', 'read slots/s'],
      ...['memcpy GB/s', 'ratio'],
    ],
    rows: results.map((one) => {
      const readers = one.row.readers ?? 1;
      const [ring, copy, share] = sides(one) as [string, string, string];
      // Without verification a reader has the slots in hand and does not look at their bytes.
      const looks = one.row.verify !== false;
      const read = looks ? gigabytes(one.ringBytesPerSecond * readers) : '-';
      const slots = [one.slotsPerSecond, one.slotsPerSecond * readers].map(count);
      return [one.row.label, ring, slots[0] ?? '', read, slots[1] ?? '', copy, share];
    }),
    data: results.map(numbers),
    hashes: results.map(({ hash }) => hash),
  };
}

function numbers(one: ThroughputResult): Record<string, number | string> {
  const { row, hash, ringBytesPerSecond, copyBytesPerSecond, ratio: share, slotsPerSecond } = one;
  const { label, slotBytes, slots, totalBytes, sourceBytes, streams = 1, readers = 1 } = row;
  return {
    ...{ label, slotBytes, slots, totalBytes, sourceBytes, streams, readers },
    ...{ ringBytesPerSecond, copyBytesPerSecond, ratio: share, slotsPerSecond },
    ...{ spread: one.spread, seconds: one.seconds, processes: row.processes ?? 1 },
    ...{ writerCpuSeconds: one.writerCpuSeconds, readerCpuSeconds: one.readerCpuSeconds, hash },
  };
}
