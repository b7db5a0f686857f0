import assert from 'node:assert/strict';

/** One series of a scrape. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface FamilyText {
  readonly type: string;
  readonly help: string;
  readonly series: Series[];
}

/** A scrape, taken apart by the rules of the text format 0.0.4; whatever breaks one of them throws. */
export class Scrape {
  readonly families = new Map<string, FamilyText>();

  constructor(text: string) {
    assert.ok(text.endsWith('\n'), 'the last line ends with a line feed');
    let help: readonly [name: string, text: string] | undefined;
    let current: string | undefined;
    for (const line of text.slice(0, -1).split('\n')) {
      const helped = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
      const typed = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary)$/.exec(
        line,
      );
      if (helped) {
        assert.equal(help, undefined, `HELP without TYPE before: ${line}`);
        help = [helped[1] as string, helped[2] as string];
      } else if (typed) {
        current = typed[1] as string;
        assert.equal(help?.[0], current, `TYPE without its HELP: ${line}`);
        assert.ok(!this.families.has(current), `twice: ${current}`);
        this.families.set(current, { type: typed[2] as string, help: help?.[1] ?? '', series: [] });
        help = undefined;
      } else {
        assert.ok(current && !help, `a sample outside of a family: ${line}`);
        this.#sample(current, line);
      }
    }
    for (const [name, family] of this.families) checkFamily(name, family);
  }

  /** The value of the one series with this name and these labels among its own. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const found = this.all(name, labels);
    assert.equal(found.length, 1, `${name} ${JSON.stringify(labels)}: ${found.length} series`);
    return (found[0] as Series).value;
  }

  /** The sum of all series with this name and these labels among their own. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.all(name, labels).reduce((sum, { value }) => sum + value, 0);
  }

  all(name: string, labels: Readonly<Record<string, string>> = {}): Series[] {
    const family = this.families.get(name) ?? this.families.get(baseOf(name));
    const wanted = Object.entries(labels);
    return (family?.series ?? []).filter(
      (one) => one.name === name && wanted.every(([key, value]) => one.labels[key] === value),
    );
  }

  #sample(current: string, line: string): void {
    const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    assert.ok(match, `no sample: ${line}`);
    const [, name = '', labels = '', value = ''] = match;
    const family = this.families.get(current) as FamilyText;
    const allowed =
      family.type === 'histogram'
        ? [`${current}_bucket`, `${current}_sum`, `${current}_count`]
        : [current];
    assert.ok(allowed.includes(name), `${name} in the family ${current}`);
    family.series.push({ name, labels: parseLabels(labels), value: parseValue(value) });
  }
}

function baseOf(name: string): string {
  return name.replace(/_(bucket|sum|count)$/, '');
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== '') {
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(,(?=.)|$)/.exec(rest);
    assert.ok(match, `no labels: ${text}`);
    const [whole, name = '', value = ''] = match;
    assert.ok(!(name in labels), `label ${name} twice: ${text}`);
    labels[name] = value.replace(/\\(.)/g, (_, one) => (one === 'n' ? '\n' : one));
    rest = rest.slice(whole.length);
  }
  return labels;
}

function parseValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  if (text === 'NaN') return Number.NaN;
  assert.match(text, /^-?\d+(\.\d+)?(e[+-]?\d+)?$/);
  return Number(text);
}

function checkFamily(name: string, { type, series }: FamilyText): void {
  assert.ok(series.length > 0, `${name} has no series`);
  const keys = series.map((one) => one.name + JSON.stringify(Object.entries(one.labels).sort()));
  assert.equal(new Set(keys).size, keys.length, `${name} has a series twice`);
  if (type === 'counter') {
    assert.match(name, /_total$/);
    for (const { value } of series) assert.ok(value >= 0, name);
  }
  if (type === 'histogram') checkHistogram(name, series);
}

function checkHistogram(name: string, series: readonly Series[]): void {
  const byLabels = new Map<string, Series[]>();
  for (const one of series) {
    const { le: _, ...labels } = one.labels;
    const key = JSON.stringify(labels);
    byLabels.set(key, [...(byLabels.get(key) ?? []), one]);
  }
  for (const group of byLabels.values()) {
    const buckets = group.filter((one) => one.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => parseValue(labels.le ?? ''));
    assert.deepEqual(
      bounds,
      [...bounds].sort((a, b) => a - b),
      `${name}: bounds ascend`,
    );
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY, `${name}: the last bound`);
    const counts = buckets.map(({ value }) => value);
    assert.deepEqual(
      counts,
      [...counts].sort((a, b) => a - b),
      `${name}: buckets add up`,
    );
    const count = group.find((one) => one.name === `${name}_count`);
    assert.equal(count?.value, counts.at(-1), `${name}: _count`);
    assert.ok(
      group.some((one) => one.name === `${name}_sum`),
      `${name}: _sum`,
    );
  }
}
