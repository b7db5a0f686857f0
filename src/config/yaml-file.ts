import { readFileSync } from 'node:fs';
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { ConfigError, type ConfigProblem } from './problems.js';
import { type Path, pathText, type Raw } from './tree.js';

/** The values of a YAML file, with the line of every key. */
export interface YamlFile {
  readonly value: Raw;
  readonly lines: ReadonlyMap<string, number>;
}

/** Reads a configuration file. `shown` is the name that problems carry.
 *  @throws ConfigError when it cannot be read or is not one YAML map */
export function readYamlFile(file: string, shown: string): YamlFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
    throw new ConfigError([
      {
        key: '',
        origin: { kind: 'file', file: shown, line: 0 },
        message: `cannot be read (${reason})`,
      },
    ]);
  }
  return parseYaml(text, shown);
}

/** Parses a configuration text. @throws ConfigError */
export function parseYaml(text: string, shown: string): YamlFile {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const problems: ConfigProblem[] = [];
  const lineAt = (offset: number): number => Math.max(1, counter.linePos(offset).line);
  const fail = (offset: number, message: string, path: Path = []): void => {
    const origin = { kind: 'file', file: shown, line: lineAt(offset) } as const;
    problems.push({ key: pathText(path), origin, message });
  };
  for (const error of [...document.errors, ...document.warnings]) fail(error.pos[0], error.message);
  if (problems.length > 0) throw new ConfigError(problems);

  const lines = new Map<string, number>();
  const convert = (node: unknown, path: Path): Raw => {
    if (isMap(node)) return convertMap(node, path);
    if (isSeq(node)) {
      return node.items.map((item, index) => {
        const inner = [...path, index];
        lines.set(pathText(inner), lineAt((item as Node).range?.[0] ?? 0));
        return convert(item, inner);
      });
    }
    if (isAlias(node)) {
      fail(
        node.range?.[0] ?? 0,
        'anchors and aliases are not supported; write the value out',
        path,
      );
      return undefined;
    }
    return isScalar(node) ? node.value : null;
  };
  const convertMap = (map: YAMLMap, path: Path): Raw => {
    const value: Record<string, Raw> = {};
    for (const pair of map.items) {
      const key = String(isScalar(pair.key) ? pair.key.value : pair.key);
      const inner = [...path, key];
      lines.set(pathText(inner), lineAt((pair.key as Node).range?.[0] ?? 0));
      // A map such as `__proto__:` must become a key that is refused, not a prototype.
      Object.defineProperty(value, key, {
        value: convert(pair.value, inner),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return value;
  };

  const root = document.contents;
  lines.set('', 1);
  // A file of comments only is a valid way to say "the defaults".
  const value = root === null || (isScalar(root) && root.value === null) ? {} : convert(root, []);
  if (typeof value !== 'object' || Array.isArray(value)) {
    fail(0, 'the file must be a map of keys, such as `limits:`');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { value, lines };
}
