/** Says whether a canonical path is meant; undefined stands for a path that has no canonical form. */
export type PathPattern = (path: string | undefined) => boolean;

const ANY: PathPattern = () => true;

/** RFC 3986 section 2.3: these mean the same with and without percent-encoding. */
const ENCODED_UNRESERVED = /%(?:2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])/g;

/**
 * A path as permissions compare it: unreserved characters decoded (RFC 3986 section 6.2.2.2). Undefined
 * for a path that could mean another one to whoever resolves it: with `.` or `..` as a segment, also
 * behind an encoded slash or a backslash. Only a permission for every path covers that.
 */
export function canonicalPath(path: string): string | undefined {
  const decoded = path.includes('%')
    ? path.replace(ENCODED_UNRESERVED, (code) =>
        String.fromCharCode(Number.parseInt(code.slice(1), 16)),
      )
    : path;
  return /(?:^|\/|\\|%2f|%5c)\.\.?(?:\/|\\|%2f|%5c|$)/i.test(decoded) ? undefined : decoded;
}

/**
 * Compiles what a permission says of paths: '' or `*`: every path; `/a/b`: this one; `/a/*`: everything
 * below `/a/`; `~regex`: paths that the regular expression matches from end to end.
 * @throws SyntaxError the regular expression is none
 */
export function compilePath(pattern: string): PathPattern {
  if (pattern === '' || pattern === '*') return ANY;
  if (pattern.startsWith('~')) {
    const regex = new RegExp(`^(?:${pattern.slice(1)})$`, 'u');
    return (path) => path !== undefined && regex.test(path);
  }
  if (pattern.endsWith('/*')) {
    const prefix = canonicalPath(pattern.slice(0, -1));
    return (path) => path !== undefined && prefix !== undefined && path.startsWith(prefix);
  }
  const exact = canonicalPath(pattern);
  return (path) => path !== undefined && path === exact;
}
