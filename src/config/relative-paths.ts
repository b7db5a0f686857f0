import { dirname, isAbsolute, resolve } from 'node:path';
import { type SchemaNode, variant } from './schema-node.js';
import type { Path, Raw, Tree } from './tree.js';

/**
 * Makes the values of keys that are marked `.meta({ path: true })` absolute: one that the file names
 * counts from the file's folder, any other from the current one.
 */
export function absolutePaths(
  tree: Tree,
  root: SchemaNode,
  file: string | undefined,
  cwd: string,
): void {
  const visit = (value: Raw, node: SchemaNode, path: Path): void => {
    if (Array.isArray(value)) {
      const items = variant(node, 'array')?.items;
      if (items) for (const [index, one] of value.entries()) visit(one, items, [...path, index]);
    } else if (typeof value === 'object' && value !== null) {
      const properties = variant(node, 'object')?.properties ?? {};
      for (const [key, child] of Object.entries(properties)) {
        const inner = (value as Record<string, Raw>)[key];
        if (inner === undefined) continue;
        if (child.path && typeof inner === 'string' && inner !== '' && !isAbsolute(inner)) {
          const inFile = tree.originOf([...path, key]).kind === 'file' && file;
          (value as Record<string, Raw>)[key] = resolve(inFile ? dirname(inFile) : cwd, inner);
        } else {
          visit(inner, child, [...path, key]);
        }
      }
    }
  };
  visit(tree.value, root, []);
}
