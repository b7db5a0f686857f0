import { isDeepStrictEqual } from 'node:util';
import { type Config, reloadableKeys } from '../config/index.js';
import type { ServerConfig } from './valid-config.js';

type Path = readonly string[];

let reloadable: readonly Path[] | undefined;

/** What a running server takes over; everything else is bound to what was made at its start. */
function reloadablePaths(): readonly Path[] {
  reloadable ??= reloadableKeys().map(({ path }) => path);
  return reloadable;
}

export interface ReloadPlan {
  /** What will be in force. */
  readonly config: Config;
  /** Keys whose values change. */
  readonly changed: readonly string[];
  /** Keys that keep their value until the next start. */
  readonly needRestart: readonly string[];
}

/** What becomes of a running server's configuration when another one is wanted. */
export function planReload(running: Config, wanted: Config): ReloadPlan {
  const config = structuredClone(running);
  for (const path of reloadablePaths()) take(config, wanted, path);
  return {
    config,
    changed: differences(running, config, []),
    needRestart: differences(config, wanted, []),
  };
}

/** A configuration to take over. */
export interface ReloadSource {
  readonly config: ServerConfig;
  /** Where keys and sections were written, such as `server.yaml:12`, for messages. */
  readonly places?: Readonly<Record<string, string>> | undefined;
}

/** A message with the place before each key that it names. */
export function withPlaces(message: string, places: ReloadSource['places'] = {}): string {
  return message.replace(/(?<![\w.:])([a-z]+(?:\.\w+)+)(?=: )/g, (key: string) => {
    for (let at = key; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
      if (Object.hasOwn(places, at)) return `${places[at]}: ${key}`;
    }
    return key;
  });
}

type Tree = Record<string, unknown>;

/** Copies one value, or that there is none; nothing where a map on the way is missing. */
function take(into: Tree, from: Tree, [key = '', ...rest]: Path): void {
  if (rest.length === 0) {
    if (from[key] === undefined) delete into[key];
    else into[key] = structuredClone(from[key]);
  } else if (isTree(into[key]) && isTree(from[key])) {
    take(into[key], from[key], rest);
  }
}

/** Keys whose values differ; of lists of different lengths only their own key. */
function differences(one: unknown, other: unknown, path: Path): string[] {
  if (isDeepStrictEqual(one, other)) return [];
  if (isTree(one) && isTree(other)) {
    const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...keys].flatMap((key) => differences(one[key], other[key], [...path, key]));
  }
  if (Array.isArray(one) && Array.isArray(other) && one.length === other.length) {
    return one.flatMap((entry, index) =>
      differences(entry, other[index], [...path, String(index)]),
    );
  }
  return [path.join('.')];
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
