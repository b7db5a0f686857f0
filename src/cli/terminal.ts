import { stripVTControlCharacters } from 'node:util';

/** Ways to mark text on a terminal; each is the identity where colours are not wanted. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

interface Output {
  readonly isTTY?: boolean;
}

/** Colours on a terminal only, and never against NO_COLOR (https://no-color.org). */
export function styleFor(output: Output, env: NodeJS.ProcessEnv = process.env): Style {
  const on = env.FORCE_COLOR
    ? env.FORCE_COLOR !== '0'
    : Boolean(output.isTTY) && !env.NO_COLOR && env.TERM !== 'dumb';
  const mark = (open: number, close: number) => (text: string) =>
    on ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    bold: mark(1, 22),
    dim: mark(2, 22),
    red: mark(31, 39),
    green: mark(32, 39),
    yellow: mark(33, 39),
    cyan: mark(36, 39),
  };
}

/** `850 ms`, `4.2 s`, `3:07`, `2:05:09`. */
export function humanTime(ms: number): string {
  if (!Number.isFinite(ms)) return '-';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/** A column of a table; numbers are aligned to the right. */
export interface Column {
  readonly title: string;
  readonly right?: boolean;
  /** Left out where there is no room for all: the greatest first. Without it the column stays. */
  readonly spare?: number;
  /** Of the last one: no more is made room for. */
  readonly enough?: number;
}

const GAP = '  ';

/** Rows below their titles, each column as wide as its widest cell; as many columns as `width` has
 *  room for. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: Style,
  width = Number.POSITIVE_INFINITY,
): string[] {
  const widths = columns.map((column, at) =>
    Math.max(column.title.length, ...rows.map((row) => visibleLength(row[at] ?? ''))),
  );
  const shown = new Set(columns.keys());
  const spare = [...shown].filter((at) => columns[at]?.spare !== undefined);
  spare.sort((a, b) => (columns[b]?.spare as number) - (columns[a]?.spare as number));
  const needed = () =>
    [...shown].reduce((sum, at) => {
      const { enough = Number.POSITIVE_INFINITY } = columns[at] as Column;
      return sum + Math.min(enough, widths[at] as number) + GAP.length;
    }, -GAP.length);
  for (const at of spare) if (needed() > width) shown.delete(at);
  const line = (cells: readonly string[]): string =>
    [...shown]
      .map((at) => {
        const cell = cells[at] ?? '';
        const space = ' '.repeat((widths[at] as number) - visibleLength(cell));
        return columns[at]?.right ? space + cell : cell + space;
      })
      .join(GAP)
      .trimEnd();
  return [style.dim(line(columns.map((column) => column.title))), ...rows.map(line)];
}

function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** Text of unknown origin (a path, a name) without what could drive the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}]/gu, (char) => {
    const code = char.codePointAt(0) as number;
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** As `clip`, but what is left out lies in the middle: paths differ at their ends. */
export function clipMiddle(text: string, width: number): string {
  if (text.length <= width) return text;
  const tail = Math.floor((width - 1) / 2);
  return `${text.slice(0, width - 1 - tail)}…${text.slice(text.length - tail)}`;
}

/** Cuts text to a width, with an ellipsis; the text must be plain. */
export function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
