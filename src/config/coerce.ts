import { parse } from 'yaml';
import { type ConfigProblem, closest } from './problems.js';
import { acceptsType, type SchemaNode, variant, variants } from './schema-node.js';
import { type Path, pathText, type Raw, type Tree } from './tree.js';
import { parseDuration, parseSize, unitOf } from './units.js';

/** The value that the text of a variable or flag stands for at this place of the schema. */
export function fromText(node: SchemaNode, key: string, text: string): Raw {
  const trimmed = text.trim();
  if (variant(node, 'object') && trimmed.startsWith('{')) return flow(trimmed);
  const list = variant(node, 'array');
  if (list) {
    if (trimmed.startsWith('[')) return flow(trimmed);
    const parts = trimmed.split(',').map((part) => part.trim());
    const item = list.items ?? {};
    return parts.filter((part) => part !== '').map((part) => fromText(item, key, part));
  }
  if (acceptsType(node, 'boolean')) {
    if (/^(true|yes|on|1)$/i.test(trimmed)) return true;
    if (/^(false|no|off|0)$/i.test(trimmed)) return false;
  }
  if (acceptsType(node, 'number')) {
    const value = unitOf(key) ? withUnit(key, trimmed) : Number(trimmed || Number.NaN);
    if (value !== undefined && !Number.isNaN(value)) return value;
  }
  return text;
}

function flow(text: string): Raw {
  try {
    return parse(text);
  } catch {
    return text;
  }
}

function withUnit(key: string, text: string): number | undefined {
  return unitOf(key) === 'size' ? parseSize(text) : parseDuration(text);
}

/**
 * Walks the merged values beside the schema: reads `64KB` and `30s` where the key is a size or a
 * duration, drops keys without a value, and reports keys that do not exist.
 */
export function coerce(tree: Tree, root: SchemaNode): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  tree.value = visit(tree.value, root, []);
  return problems;

  function visit(value: Raw, node: SchemaNode, path: Path): Raw {
    if (value === null && !acceptsNull(node)) return undefined;
    if (Array.isArray(value)) {
      const items = variant(node, 'array')?.items ?? {};
      return value.map((item, index) => visit(item, items, [...path, index]));
    }
    if (typeof value === 'object' && value !== null) {
      const properties = variant(node, 'object')?.properties;
      return properties ? visitMap(value as Record<string, Raw>, properties, path) : value;
    }
    const key = String(path.findLast((part) => typeof part === 'string') ?? '');
    if (typeof value === 'string' && unitOf(key) && acceptsType(node, 'number')) {
      return withUnit(key, value) ?? value;
    }
    return value;
  }

  function visitMap(
    value: Record<string, Raw>,
    properties: Readonly<Record<string, SchemaNode>>,
    path: Path,
  ): Raw {
    const result: Record<string, Raw> = {};
    for (const [key, child] of Object.entries(value)) {
      const inner = [...path, key];
      const node = Object.hasOwn(properties, key) ? properties[key] : undefined;
      if (node) result[key] = visit(child, node, inner);
      else problems.push(unknownKey(inner, Object.keys(properties), tree));
    }
    return result;
  }
}

function acceptsNull(node: SchemaNode): boolean {
  return variants(node).some((one) => one.type === 'null' || one.const === null);
}

function unknownKey(path: Path, known: readonly string[], tree: Tree): ConfigProblem {
  const key = String(path.at(-1));
  return {
    key: pathText(path),
    origin: tree.originOf(path),
    message: unknownText(key, known),
  };
}

/** The message for a key that does not exist beside `known`. */
export function unknownText(key: string, known: readonly string[]): string {
  const meant = closest(key, known);
  const hint = meant ? `did you mean ${meant}? ` : '';
  return `there is no such key; ${hint}accepted: ${known.join(', ')}`;
}
