// docs/segment-format.md, as its tests read it.

import { readFileSync } from 'node:fs';

/** A file of the repository, by its path from the root. */
export const repositoryFile = (path: string): string =>
  readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

/** The document. */
export const page = repositoryFile('docs/segment-format.md');

/** The text behind `<!-- marker -->` up to the next heading or marker. */
export function section(marker: string): string {
  const found = page.split(`<!-- ${marker} -->\n`)[1];
  if (found === undefined) throw new Error(`the page has no marker '${marker}'`);
  return found.split(/^(?:#|<!--)/m)[0] as string;
}

/** The first column of a table, without backticks and without the head. */
export function firstColumn(marker: string): string[] {
  const rows = section(marker)
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2);
  return rows.map((row) => (row.split('|')[1] ?? '').trim().replace(/^`(.*)`$/, '$1'));
}

type Values = Record<string, number>;

/** Evaluates the formulas of a block for the given values; gives them back with the results. */
export function evaluate(marker: string, given: Values): Values {
  const block = /```text\n([\s\S]*?)```/.exec(section(marker))?.[1] ?? '';
  const values = { ...given };
  for (const formula of block.replace(/\n\s+/g, ' ').trim().split('\n')) {
    const [name = '', expression = ''] = formula.split(/\s+=\s+/);
    values[name] = resultOf(expression, values);
  }
  return values;
}

/** Arithmetic of the page: integers, `up` and division that rounds down. */
function resultOf(expression: string, values: Values): number {
  if (!/^[\w\s()+\-*/%?:<=,]+$/.test(expression)) throw new Error(`no formula: ${expression}`);
  const integer = expression.replace(/\(([^()]*)\) \/ (\d+)/g, 'Math.floor(($1) / $2)');
  const up = (value: number, to: number): number => Math.ceil(value / to) * to;
  const names = Object.keys(values);
  const run = new Function('up', ...names, `return ${integer};`) as (...all: unknown[]) => number;
  return run(up, ...names.map((name) => values[name]));
}
