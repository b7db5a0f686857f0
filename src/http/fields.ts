/** Node's flat list of names and values, two by two. */
export function fieldPairs(raw: readonly string[]): [name: string, value: string][] {
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) list.push([raw[i] as string, raw[i + 1] as string]);
  return list;
}
