/** Whether a request's path is `prefix` or lies below it: `/a` stands for `/a`, `/a?q` and `/a/b`, not
 *  for `/ab`; `/a/` for what lies below it. */
export function isBelow(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false;
  const next = path[prefix.length];
  return prefix.endsWith('/') || next === undefined || next === '/' || next === '?';
}

/** Text as the rest of a path; what RFC 3986 section 3.3 allows there stays as it is. */
export function inPath(text: string): string {
  return encodeURIComponent(text).replace(/%(2F|3A|3D|2C|40|26|2B|24|3B)/g, (code) =>
    decodeURIComponent(code),
  );
}
