/** Whether a request's path is `prefix` or lies below it: `/a` stands for `/a`, `/a?q` and `/a/b`, not
 *  for `/ab`; `/a/` for what lies below it. */
export function isBelow(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false;
  const next = path[prefix.length];
  return prefix.endsWith('/') || next === undefined || next === '/' || next === '?';
}
