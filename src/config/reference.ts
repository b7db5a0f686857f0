import { stringify } from 'yaml';
import type { ConfigKey } from './keys.js';
import { acceptedText, type SchemaNode, variant } from './schema-node.js';
import { formatDuration, formatSize, unitOf } from './units.js';

const WIDTH = 92;

const INTRO = `upload-response: every key with its default and what it accepts.

Written by 'upload-response config example'. A key that is left out has its default, so keep only
what you change. Every key is also an environment variable (limits.maxBodyBytes is
UR_LIMITS_MAX_BODY_BYTES) and a flag (--limits.max-body-bytes); a flag wins over the environment, the
environment over this file. Sizes take KB, MB and GB (1KB = 1024), durations ms, s, m and h.`;

/** The configuration file that says nothing but the defaults, with a comment for every key. */
export function exampleYaml(root: SchemaNode): string {
  const lines = INTRO.split('\n').map((line) => `# ${line}`.trimEnd());
  for (const [key, node] of Object.entries(root.properties ?? {})) {
    lines.push('', ...section(key, node, undefined, 0));
  }
  return `${lines.join('\n')}\n`;
}

/** One key and all below it; `preset` is what an outer default says. */
function section(
  key: string,
  node: SchemaNode,
  preset: unknown,
  depth: number,
  required = false,
): string[] {
  const indent = '  '.repeat(depth);
  const value = node.default ?? preset;
  const map = variant(node, 'object');
  if (map?.properties) {
    const inner = Object.entries(map.properties).flatMap(([name, child]) =>
      section(
        name,
        child,
        (value as Record<string, unknown> | undefined)?.[name],
        depth + 1,
        map.required?.includes(name),
      ),
    );
    const about = node.description ? comment(node.description, indent) : [];
    const lines = [...about, `${indent}${key}:`, ...inner];
    return value === undefined ? [...about, ...off(lines.slice(about.length), indent)] : lines;
  }
  const entry = variant(node, 'array')?.items;
  const fields = entry && variant(entry, 'object')?.properties;
  const about = comment(node.description ?? '', indent);
  if (fields && Array.isArray(value) && value.length > 0) {
    return [...about, `${indent}${key}:`, ...entries(value, fields, depth + 1)];
  }
  if (fields) return [...about, `${indent}${key}: []`];
  const accepted = comment(acceptedSentence(acceptedText(node, key)), indent);
  const line = `${indent}${key}: ${value === undefined ? '' : spell(key, value)}`.trimEnd();
  // A required key can stand only in a map that is turned off as a whole.
  const shown = value === undefined && !required ? off([line], indent) : [line];
  return [...about, ...accepted, ...shown];
}

/** What goes without saying, and the examples that the introduction gives once, are left out. */
function acceptedSentence(accepted: string): string {
  if (/^(text( that is not empty)?|true or false)$/.test(accepted)) return '';
  const telling = accepted
    .replace(/ of at least 0\w*(?=,)/, '')
    .replace(/, such as .*B$|, such as .*m$/, '');
  return `Accepted: ${telling}.`;
}

/** The default entries of a list of maps, the first one with comments. */
function entries(
  value: unknown,
  fields: Readonly<Record<string, SchemaNode>>,
  depth: number,
): string[] {
  const indent = '  '.repeat(depth);
  return ((value as Record<string, unknown>[] | undefined) ?? []).flatMap((one) =>
    Object.entries(fields).flatMap(([key, node], at) => {
      const [...lines] = section(key, { ...node, default: one[key] }, undefined, depth + 1);
      if (at > 0) return lines;
      // The dash stands before the first line of an entry, comment or not.
      const [first = '', ...rest] = lines.reverse();
      return [...rest.reverse(), `${indent}- ${first.trimStart()}`];
    }),
  );
}

function off(lines: readonly string[], indent: string): string[] {
  return lines.map((line) => `${indent}# ${line.slice(indent.length)}`);
}

/** A default as a person would write it: `64KB`, `30s`. */
function spell(key: string, value: unknown): string {
  if (typeof value === 'number' && value !== 0) {
    if (unitOf(key) === 'size') return formatSize(value);
    if (unitOf(key) === 'duration') return formatDuration(value);
  }
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
}

function comment(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line && indent.length + line.length + word.length > WIDTH) {
      lines.push(`${indent}# ${line}`);
      line = '';
    }
    line += line ? ` ${word}` : word;
  }
  return line ? [...lines, `${indent}# ${line}`] : lines;
}

/** The reference as a Markdown table, as docs/configuration.md has it. */
export function keysTable(keys: readonly ConfigKey[]): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const rows = keys.map((key) => {
    const last = key.name.split('.').at(-1) ?? '';
    const preset = key.required
      ? 'required'
      : key.default === undefined
        ? ''
        : `\`${spell(last, key.default)}\``;
    const description = `${key.description} ${acceptedSentence(key.accepted)}`.trim();
    return `| \`${key.name}\` | ${preset} | ${cell(description)} |`;
  });
  return ['| Key | Default | What it is |', '| --- | --- | --- |', ...rows].join('\n');
}
