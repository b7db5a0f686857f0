import type { Origin } from './problems.js';

/** A plain value of the configuration, before validation. */
export type Raw = unknown;

/** A path inside the configuration; list entries by their index. */
export type Path = readonly (string | number)[];

/** `segment.pools.0.slotSize` */
export function pathText(path: Path): string {
  return path.join('.');
}

/** The value at a path inside `root`, or undefined. */
export function valueAt(root: Raw, path: Path): Raw {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.hasOwn(value, part) ? (value as Record<string | number, Raw>)[part] : undefined;
  }
  return value;
}

/** The merged values, and for each the place it was written at. */
export class Tree {
  value: Raw = {};
  readonly #origins = new Map<string, Origin>();

  /** Takes a whole file's values; `lines` gives the line of each path. */
  load(value: Raw, file: string, lines: ReadonlyMap<string, number>): void {
    this.value = value;
    for (const [path, line] of lines) this.#origins.set(path, { kind: 'file', file, line });
  }

  /** Writes one value over what is there, making maps and lists on the way. */
  set(path: Path, value: Raw, origin: Origin): void {
    const prefix = `${pathText(path)}.`;
    for (const known of [...this.#origins.keys()]) {
      if (known.startsWith(prefix)) this.#origins.delete(known);
    }
    this.#origins.set(pathText(path), origin);
    let holder = this as unknown as Record<string | number, Raw>;
    let key: string | number = 'value';
    for (const part of path) {
      const inside = holder[key];
      if (typeof inside !== 'object' || inside === null) {
        holder[key] = typeof part === 'number' ? [] : {};
      }
      holder = holder[key] as Record<string | number, Raw>;
      key = part;
    }
    holder[key] = value;
  }

  /** The value at a path, or undefined. */
  get(path: Path): Raw {
    return valueAt(this.value, path);
  }

  /** Where the value at `path`, or the nearest one around it, was written. */
  originOf(path: Path): Origin {
    for (let length = path.length; length >= 0; length--) {
      const origin = this.#origins.get(pathText(path.slice(0, length)));
      if (origin) return origin;
    }
    return { kind: 'default' };
  }
}
