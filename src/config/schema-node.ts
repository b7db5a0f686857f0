import { z } from 'zod';
import { formatDuration, formatSize, unitOf } from './units.js';

/** The part of JSON Schema that the configuration needs; zod derives it from the real schema. */
export interface SchemaNode {
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null';
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly default?: unknown;
  readonly description?: string;
  readonly required?: readonly string[];
  /** Set with `.meta({ accepted })` where a pattern would not tell a person enough. */
  readonly accepted?: string;
  /** Set with `.meta({ path: true })`: a relative path counts from the file that names it. */
  readonly path?: boolean;
  /** Set with `.meta({ secret: true })`: the value is never shown. */
  readonly secret?: boolean;
  /** Set with `.meta({ reload })`: a running server takes over another value, which counts from then on
   *  that this says. Of a section: for everything in it. */
  readonly reload?: string;
}

/** What a zod schema accepts, as data. */
export function describeSchema(schema: z.ZodType): SchemaNode {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as SchemaNode;
}

/** The alternatives of a union, or the node alone. */
export function variants(node: SchemaNode): readonly SchemaNode[] {
  return node.anyOf ?? node.oneOf ?? [node];
}

/** The alternative of this type, if the node has one. */
export function variant(node: SchemaNode, type: 'object' | 'array'): SchemaNode | undefined {
  for (const one of variants(node)) {
    if (one.type === type) return one;
    if (one !== node) {
      const inner = variant(one, type);
      if (inner) return inner;
    }
  }
  return undefined;
}

/** Whether a value of this type may stand here. */
export function acceptsType(node: SchemaNode, type: string): boolean {
  return variants(node).some(
    (one) =>
      one.type === type ||
      (type === 'number' && one.type === 'integer') ||
      (one.const !== undefined && typeof one.const === type) ||
      (one.enum?.some((value) => typeof value === type) ?? false) ||
      (one !== node && acceptsType(one, type)),
  );
}

/** What a person may write for `key`, as the end of the sentence "accepted: ...". */
export function acceptedText(node: SchemaNode, key: string): string {
  if (node.accepted) return node.accepted;
  const alternatives = node.anyOf ?? node.oneOf;
  if (alternatives) return alternatives.map((one) => acceptedText(one, key)).join(', or ');
  if (node.const !== undefined) return String(node.const);
  if (node.enum) return `one of ${node.enum.map(String).join(', ')}`;
  switch (node.type) {
    case 'boolean':
      return 'true or false';
    case 'integer':
    case 'number':
      return numberText(node, key);
    case 'array':
      return listText(node, key);
    case 'object':
      return `a map with the keys ${Object.keys(node.properties ?? {}).join(', ')}`;
    case 'null':
      return 'null';
    case 'string':
      if (node.pattern) return `text that matches ${node.pattern}`;
      return node.minLength ? 'text that is not empty' : 'text';
    default:
      return 'any value';
  }
}

function numberText(node: SchemaNode, key: string): string {
  const unit = unitOf(key);
  const show = (value: number): string =>
    unit === 'size' ? formatSize(value) : unit === 'duration' ? formatDuration(value) : `${value}`;
  const noun =
    unit === 'size'
      ? 'a size'
      : unit === 'duration'
        ? 'a duration'
        : node.type === 'integer'
          ? 'an integer'
          : 'a number';
  const low = bound(node.minimum);
  const high = bound(node.maximum);
  const above = bound(node.exclusiveMinimum);
  let text = noun;
  if (low !== undefined && high !== undefined) text += ` from ${show(low)} to ${show(high)}`;
  else if (low !== undefined) text += ` of at least ${show(low)}`;
  else if (above !== undefined && high !== undefined) {
    text += ` above ${show(above)}, at most ${show(high)}`;
  } else if (above !== undefined) text += ` above ${show(above)}`;
  else if (high !== undefined) text += ` of at most ${show(high)}`;
  if (unit === 'size') text += ', such as 65536, 64KB or 1.5GB';
  if (unit === 'duration') text += ', such as 500ms, 30s or 5m';
  return text;
}

/** The longest time that a timer takes, and the bounds of safe integers (which zod writes where
 *  nobody has set one), say nothing to a person. */
function bound(value: number | undefined): number | undefined {
  if (value === undefined || value === 2 ** 31 - 1) return undefined;
  return Math.abs(value) >= Number.MAX_SAFE_INTEGER ? undefined : value;
}

function listText(node: SchemaNode, key: string): string {
  const { minItems, maxItems } = node;
  const count =
    minItems && maxItems
      ? `${minItems} to ${maxItems} entries`
      : minItems
        ? `at least ${minItems} ${minItems === 1 ? 'entry' : 'entries'}`
        : maxItems
          ? `at most ${maxItems} entries`
          : '';
  const each = node.items ? acceptedText(node.items, key) : 'any value';
  return `a list${count ? ` of ${count}` : ''}, each ${each}`;
}
