import { type SchemaNode, variant } from './schema-node.js';

/** A key, or a section, that can be changed while the server runs. */
export interface ReloadableKey {
  readonly path: readonly string[];
  /** Its path as text: `http.tls.certFile`. */
  readonly name: string;
  /** From when on a change counts: `new connections`, `at once`. */
  readonly from: string;
}

/** What `.meta({ reload })` says of the schema, in its order; nothing that is inside of another one. */
export function listReloadable(node: SchemaNode, path: readonly string[] = []): ReloadableKey[] {
  if (node.reload !== undefined) return [{ path, name: path.join('.'), from: node.reload }];
  const properties = variant(node, 'object')?.properties ?? {};
  return Object.entries(properties).flatMap(([key, child]) =>
    listReloadable(child, [...path, key]),
  );
}

/** The same as a Markdown table, as docs/operations.md has it: one row for each section. */
export function reloadTable(keys: readonly ReloadableKey[]): string {
  const rows = new Map<string, { readonly names: string[]; readonly from: string }>();
  for (const { path, from } of keys) {
    const [section, name] =
      path.length === 1 ? [path[0], 'every key'] : [path.slice(0, -1).join('.'), path.at(-1)];
    const row = rows.get(`${section} ${from}`) ?? { names: [`\`${section}\``], from };
    row.names.push(name === 'every key' ? name : `\`${name}\``);
    rows.set(`${section} ${from}`, row);
  }
  const lines = [...rows.values()].map(
    ({ names: [section, ...names], from }) => `| ${section} | ${names.join(', ')} | ${from} |`,
  );
  return ['| Section | What can change | Counts from |', '| --- | --- | --- |', ...lines].join(
    '\n',
  );
}
