import { createHash } from 'node:crypto';
import { describeMachine, type Machine } from './machine.js';
import type { BenchOptions } from './options.js';

/** One table of a benchmark: what was measured, as text for people and as numbers for programs. */
export interface Table {
  readonly name: string;
  readonly title: string;
  /** What the columns mean; printed below the table. */
  readonly notes: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** The same as numbers, units in the names. */
  readonly data: readonly Readonly<Record<string, number | string>>[];
  /** What the trials computed from the bytes; the same for every run of a seed and size. */
  readonly hashes: readonly string[];
}

/** Gathers the tables of one benchmark and prints them. */
export class Report {
  readonly #machine: Machine = describeMachine();
  readonly #tables: Table[] = [];

  constructor(
    readonly benchmark: string,
    readonly options: BenchOptions,
  ) {
    if (!options.json) process.stdout.write(this.#head());
  }

  /** Whether this table is wanted. */
  wants(name: string): boolean {
    return this.options.only.length === 0 || this.options.only.includes(name);
  }

  add(table: Table): void {
    this.#tables.push(table);
    if (!this.options.json) process.stdout.write(`${formatTable(table)}\n`);
  }

  /** Prints the result hash, or everything as JSON. */
  finish(): void {
    const hash = createHash('sha256');
    for (const table of this.#tables) hash.update(table.hashes.join());
    const resultHash = hash.digest('hex').slice(0, 16);
    const { benchmark, options } = this;
    const { seed, trials, small } = options;
    if (options.json) {
      const tables = this.#tables.map(({ name, title, data }) => ({ name, title, rows: data }));
      const document = {
        benchmark,
        machine: this.#machine,
        seed,
        trials,
        small,
        resultHash,
        tables,
      };
      process.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);
    } else {
      process.stdout.write(`result hash ${resultHash}\n`);
    }
  }

  #head(): string {
    const { cpu, processors, caches, memoryBytes, kernel, node, commit, startedAt, load } =
      this.#machine;
    const { seed, trials, small } = this.options;
    const gib = (memoryBytes / 2 ** 30).toFixed(1);
    return [
      `# ${this.benchmark}${small ? ' (small sizes: the figures mean nothing)' : ''}`,
      '',
      `- ${processors} x ${cpu} (${caches}), ${gib} GiB, load ${load.toFixed(2)}`,
      `- ${kernel}, Node ${node}, commit ${commit}, ${startedAt}`,
      `- seed ${seed}, median of ${trials} trial${trials === 1 ? '' : 's'}, each in fresh processes`,
      '',
      '',
    ].join('\n');
  }
}

/** A Markdown table whose columns are aligned for reading as it stands. */
function formatTable({ title, columns, rows, notes }: Table): string {
  const widths = columns.map((column, i) =>
    Math.max(3, column.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => pad(cell, widths[i] ?? 0, i)).join(' | ')} |`;
  const rule = widths.map((width, i) =>
    i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [
    `## ${title}`,
    '',
    line(columns),
    `| ${rule.join(' | ')} |`,
    ...rows.map(line),
    '',
    ...notes.map((note) => `${note}\n`),
  ].join('\n');
}

const pad = (cell: string, width: number, column: number) =>
  column === 0 ? cell.padEnd(width) : cell.padStart(width);
