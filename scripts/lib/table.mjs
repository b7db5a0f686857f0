import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './files.mjs';

/** Puts a Markdown table in place of the one on a page that has the same first line. */
export function replaceTable(page, table) {
  const path = join(root, page);
  const [head] = table.split('\n');
  const lines = readFileSync(path, 'utf8').split('\n');
  const first = lines.indexOf(head);
  if (first < 0) throw new Error(`${page} has no line "${head}"`);
  let end = first;
  while (lines[end]?.startsWith('|')) end++;
  lines.splice(first, end - first, ...table.split('\n'));
  writeFileSync(path, lines.join('\n'));
}
