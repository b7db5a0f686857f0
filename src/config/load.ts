import { existsSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import type { z } from 'zod';
import { coerce } from './coerce.js';
import { CONFIG_FILE } from './file-name.js';
import { applyEnvironment, applyFlags, type FlagOverride } from './overrides.js';
import { ConfigError, type ConfigProblem, type Origin } from './problems.js';
import { absolutePaths } from './relative-paths.js';
import { acceptedText, describeSchema, type SchemaNode, variant } from './schema-node.js';
import { type Path, pathText, Tree, valueAt } from './tree.js';
import { readYamlFile } from './yaml-file.js';

export interface LoadOptions {
  /** `--config`; else `UR_CONFIG`; else `upload-response.yaml` here, if it exists. */
  readonly file?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  readonly flags?: readonly FlagOverride[];
  readonly cwd?: string;
  /** Values for keys that nobody has set, in place of their defaults. */
  readonly presets?: Readonly<Record<string, unknown>>;
}

export interface LoadedConfig<T> {
  readonly config: T;
  /** The file that was read, absolute; undefined without one. */
  readonly file: string | undefined;
  /** Where the value of a key was written; the default if nowhere. */
  originOf(key: string): Origin;
  /** Whether file, environment or flags give this key a value. */
  isSet(key: string): boolean;
}

/**
 * Reads the configuration: flag over environment over file over default.
 * @throws ConfigError with every problem that there is
 */
export function load<S extends z.ZodType>(
  schema: S,
  options: LoadOptions = {},
): LoadedConfig<z.output<S>> {
  const { env = process.env, cwd = process.cwd(), flags = [] } = options;
  const node = describeSchema(schema);
  const tree = new Tree();
  const file = findFile(options.file ?? env.UR_CONFIG, cwd);
  if (file) {
    const shown = shorten(file, cwd);
    const { value, lines } = readYamlFile(file, shown);
    tree.load(value, shown, lines);
  }
  const problems = [
    ...applyEnvironment(tree, node, env),
    ...applyFlags(tree, node, flags),
    ...coerce(tree, node),
  ];
  absolutePaths(tree, node, file, cwd);
  const written = structuredClone(tree.value);
  for (const [key, value] of Object.entries(options.presets ?? {})) {
    const path = key.split('.');
    if (tree.get(path) === undefined) tree.set(path, value, { kind: 'default' });
  }
  const parsed = schema.safeParse(tree.value);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) problems.push(...translate(issue, tree, node));
  }
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return {
    config: parsed.data,
    file,
    originOf: (key) => tree.originOf(key.split('.')),
    isSet: (key) => valueAt(written, key.split('.')) !== undefined,
  };
}

function findFile(named: string | undefined, cwd: string): string | undefined {
  if (named) return resolve(cwd, named);
  const usual = resolve(cwd, CONFIG_FILE);
  return existsSync(usual) ? usual : undefined;
}

function shorten(file: string, cwd: string): string {
  const short = relative(cwd, file);
  return short.startsWith('..') || isAbsolute(short) ? file : short;
}

function translate(issue: z.core.$ZodIssue, tree: Tree, root: SchemaNode): ConfigProblem[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  const origin = tree.originOf(path);
  const key = pathText(path);
  if (issue.code === 'custom') return [{ key, origin, message: issue.message }];
  // `coerce` has reported these, with the line of each.
  if (issue.code === 'unrecognized_keys') return [];
  const node = nodeAt(root, path);
  const accepted = node ? acceptedText(node, lastName(path)) : issue.message;
  const value = tree.get(path);
  const what = value === undefined ? 'is missing' : `is ${show(value, node)}`;
  return [{ key, origin, message: `${what}; accepted: ${accepted}` }];
}

function lastName(path: Path): string {
  return String(path.findLast((part) => typeof part === 'string') ?? '');
}

function show(value: unknown, node: SchemaNode | undefined): string {
  if (node && holdsSecret(node)) return 'not valid';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** A list or map in the wrong shape may show a secret that is meant to be inside. */
function holdsSecret(node: SchemaNode): boolean {
  if (node.secret) return true;
  const items = variant(node, 'array')?.items;
  const properties = variant(node, 'object')?.properties ?? {};
  return [...(items ? [items] : []), ...Object.values(properties)].some(holdsSecret);
}

function nodeAt(root: SchemaNode, path: Path): SchemaNode | undefined {
  let node: SchemaNode | undefined = root;
  for (const part of path) {
    if (!node) return undefined;
    node =
      typeof part === 'number'
        ? variant(node, 'array')?.items
        : variant(node, 'object')?.properties?.[part];
  }
  return node;
}
