import { fromText, unknownText } from './coerce.js';
import { type ConfigKey, envSegment, flagSegment, listKeys } from './keys.js';
import { type ConfigProblem, closest, type Origin } from './problems.js';
import { type SchemaNode, variant } from './schema-node.js';
import { type Path, pathText, type Raw, type Tree } from './tree.js';

/** A value given on the command line: `--limits.max-body-bytes 1MB` or `--set key=value`. */
export interface FlagOverride {
  /** `limits.maxBodyBytes` or `limits.max-body-bytes` */
  readonly key: string;
  readonly value: string;
  /** As it was written, for messages: `--set limits.maxBodyBytes`. */
  readonly flag: string;
}

/** Variables that begin with `UR_` and are no configuration key, with what they do. */
export const OTHER_VARIABLES: Readonly<Record<string, string>> = {
  UR_CONFIG: 'path of the configuration file, as `--config`',
  UR_SOCKET: 'path of the control socket for every command and worker',
  UR_WORKER_NAME: 'name of a worker process in `top` and the metrics',
};

/** Variables that stand for a key beside its own, which wins. */
const ALIASES: Readonly<Record<string, string>> = { UR_SOCKET: 'UR_SEGMENT_SOCKET' };

/** What the test suites and benchmarks take from the environment reaches the servers they start. */
const FOREIGN = /^UR_(TEST|BENCH|KILL|LARGE|FAULTS?|FUZZ|SEED)(_|$)/;

/** Writes every `UR_...` variable over the file's values. */
export function applyEnvironment(
  tree: Tree,
  root: SchemaNode,
  env: NodeJS.ProcessEnv,
): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const keys = listKeys(root);
  // Whole lists before single entries, so that both can be given.
  const names = Object.keys(env)
    .filter((name) => name.startsWith('UR_') && env[name])
    .filter((name) => !isForeign(name, env))
    .sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  for (const name of names) {
    const origin: Origin = { kind: 'env', name };
    const found = matchVariable(root, (ALIASES[name] ?? name).slice(3), [], tree);
    if ('path' in found) {
      tree.set(found.path, fromText(found.node, lastKey(found.path), env[name] as string), origin);
    } else {
      problems.push({ key: '', origin, message: found.message ?? unknownVariable(name, keys) });
    }
  }
  return problems;
}

function isForeign(name: string, env: NodeJS.ProcessEnv): boolean {
  const aliased = ALIASES[name];
  if (aliased) return Boolean(env[aliased]);
  return Object.hasOwn(OTHER_VARIABLES, name) || FOREIGN.test(name);
}

/** Writes every flag over what the file and the environment say. */
export function applyFlags(
  tree: Tree,
  root: SchemaNode,
  flags: readonly FlagOverride[],
): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const { key, value, flag } of flags) {
    const origin: Origin = { kind: 'flag', name: flag };
    const found = matchPath(root, key.split('.'), tree);
    if ('path' in found)
      tree.set(found.path, fromText(found.node, lastKey(found.path), value), origin);
    else problems.push({ key, origin, message: found.message ?? 'there is no such key' });
  }
  return problems;
}

type Match =
  | { readonly path: Path; readonly node: SchemaNode }
  | { readonly message: string | undefined };

const lastKey = (path: Path): string => String(path.findLast((part) => typeof part === 'string'));

function unknownVariable(name: string, keys: readonly ConfigKey[]): string {
  const known = [...keys.map((key) => key.env), ...Object.keys(OTHER_VARIABLES)];
  const meant = closest(name, known);
  const hint = meant ? `; did you mean ${meant}?` : '';
  return `this variable stands for no key${hint} ('upload-response config keys' lists them)`;
}

/** Follows `SEGMENT_POOLS_0_SLOT_SIZE` through the schema; names in it may hold underscores. */
function matchVariable(node: SchemaNode, rest: string, path: Path, tree: Tree): Match {
  const list = variant(node, 'array');
  const entry = list?.items;
  if (entry && variant(entry, 'object')) {
    const entries = listAt(tree, path, node);
    const choices: [string, number][] = entries.flatMap((one, index) => {
      const name = (one as { name?: unknown } | null)?.name;
      const named: [string, number][] = typeof name === 'string' ? [[envSegment(name), index]] : [];
      return [[String(index), index] as [string, number], ...named];
    });
    const next = /^\d+/.exec(rest)?.[0];
    if (next !== undefined && Number(next) === entries.length) choices.push([next, Number(next)]);
    const found = firstMatch(choices, rest, (index, tail) => {
      const match = matchVariable(entry, tail, [...path, index], tree);
      if ('path' in match) materialise(tree, path, node);
      return match;
    });
    if (found) return found;
    const known = [...new Set(choices.map(([name]) => name))].join(', ');
    return { message: `${pathText(path)} has no such entry; accepted: ${known}` };
  }
  const properties = variant(node, 'object')?.properties ?? {};
  const choices = Object.keys(properties).map((key): [string, string] => [envSegment(key), key]);
  return (
    firstMatch(choices, rest, (key, tail) => {
      const child = properties[key] as SchemaNode;
      const inner = [...path, key];
      return tail === '' ? { path: inner, node: child } : matchVariable(child, tail, inner, tree);
    }) ?? { message: undefined }
  );
}

/** Tries the longest names first: `TLS_CERT` may be one key or a key inside a map. */
function firstMatch<T>(
  choices: readonly (readonly [string, T])[],
  rest: string,
  follow: (choice: T, tail: string) => Match,
): Match | undefined {
  let failed: Match | undefined;
  for (const [name, choice] of [...choices].sort((a, b) => b[0].length - a[0].length)) {
    if (rest !== name && !rest.startsWith(`${name}_`)) continue;
    const match = follow(choice, rest.slice(name.length + 1));
    if ('path' in match) return match;
    failed ??= match.message ? match : undefined;
  }
  return failed;
}

function matchPath(root: SchemaNode, parts: readonly string[], tree: Tree): Match {
  let node = root;
  const path: (string | number)[] = [];
  for (const part of parts) {
    const items = variant(node, 'array')?.items;
    const properties = variant(node, 'object')?.properties;
    if (items && variant(items, 'object')) {
      const entries = listAt(tree, path, node);
      const index = entryIndex(entries, part);
      if (index === undefined) {
        const names = entries.map((one, at) => (one as { name?: string } | null)?.name ?? at);
        return {
          message: `there is no entry '${part}'; accepted: ${names.join(', ')} or an index`,
        };
      }
      materialise(tree, path, node);
      path.push(index);
      node = items;
    } else if (properties) {
      const key = Object.keys(properties).find((one) => flagSegment(one) === flagSegment(part));
      if (key === undefined) return { message: unknownText(part, Object.keys(properties)) };
      path.push(key);
      node = properties[key] as SchemaNode;
    } else {
      return { message: `${pathText(path)} holds one value and has no keys of its own` };
    }
  }
  return { path, node };
}

function entryIndex(entries: readonly Raw[], part: string): number | undefined {
  const named = entries.findIndex((one) => (one as { name?: unknown } | null)?.name === part);
  if (named >= 0) return named;
  return /^\d+$/.test(part) && Number(part) <= entries.length ? Number(part) : undefined;
}

function listAt(tree: Tree, path: Path, node: SchemaNode): readonly Raw[] {
  const value = tree.get(path) ?? node.default;
  return Array.isArray(value) ? value : [];
}

/** A default list becomes a written one before an entry of it is changed. */
function materialise(tree: Tree, path: Path, node: SchemaNode): void {
  if (Array.isArray(tree.get(path)) || !Array.isArray(node.default)) return;
  tree.set(path, structuredClone(node.default), { kind: 'default' });
}
