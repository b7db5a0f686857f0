import { acceptedText, type SchemaNode, variant, variants } from './schema-node.js';

/** One thing that can be configured, with its three names. */
export interface ConfigKey {
  /** `segment.pools.*.slotSize`: a `*` stands for an entry's index or name. */
  readonly name: string;
  /** `UR_SEGMENT_POOLS_*_SLOT_SIZE` */
  readonly env: string;
  /** `--segment.pools.*.slot-size` */
  readonly flag: string;
  readonly accepted: string;
  readonly description: string;
  readonly default: unknown;
  readonly required: boolean;
}

/** `maxBodyBytes` -> `MAX_BODY_BYTES` */
export function envSegment(key: string): string {
  return words(key).join('_').toUpperCase();
}

/** `maxBodyBytes` -> `max-body-bytes` */
export function flagSegment(key: string): string {
  return words(key).join('-').toLowerCase();
}

function words(key: string): string[] {
  return key.replace(/([a-z0-9])([A-Z])/g, '$1 $2').split(/[^A-Za-z0-9]+/);
}

/** The environment variable of a key's path. */
export function envName(path: readonly string[]): string {
  return ['UR', ...path.map((part) => (part === '*' ? '*' : envSegment(part)))].join('_');
}

/** The flag of a key's path. */
export function flagName(path: readonly string[]): string {
  return `--${path.map((part) => (part === '*' ? '*' : flagSegment(part))).join('.')}`;
}

/** Every key that holds a value, in the schema's order; lists of maps give a `*`. */
export function listKeys(root: SchemaNode): ConfigKey[] {
  const keys: ConfigKey[] = [];
  walk(root, [], undefined, true, keys);
  return keys;
}

function walk(
  node: SchemaNode,
  path: readonly string[],
  inherited: unknown,
  required: boolean,
  into: ConfigKey[],
): void {
  const preset = node.default ?? inherited;
  const list = variant(node, 'array');
  const entry = list?.items && variant(list.items, 'object');
  const map = variant(node, 'object') ?? entry;
  if (map?.properties) {
    const inner = entry ? [...path, '*'] : path;
    for (const [key, child] of Object.entries(map.properties)) {
      const given = entry ? undefined : (preset as Record<string, unknown> | undefined)?.[key];
      walk(child, [...inner, key], given, map.required?.includes(key) ?? false, into);
    }
    const whole = variants(node).filter((one) => !variant(one, 'object') && !variant(one, 'array'));
    if (whole.length > 0) push({ ...node, anyOf: whole }, path, preset, required, into);
    return;
  }
  push(node, path, preset, required, into);
}

function push(
  node: SchemaNode,
  path: readonly string[],
  preset: unknown,
  required: boolean,
  into: ConfigKey[],
): void {
  into.push({
    name: path.join('.'),
    env: envName(path),
    flag: flagName(path),
    accepted: acceptedText(node, path.at(-1) ?? ''),
    description: node.description ?? '',
    default: preset,
    required: required && preset === undefined,
  });
}
