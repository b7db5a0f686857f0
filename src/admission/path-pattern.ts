/** Says whether a canonical path is meant; undefined stands for a path that has no canonical form. */
export type PathPattern = (path: string | undefined) => boolean;

const ANY: PathPattern = () => true;

const ENCODED = /%[0-9A-Fa-f]{2}/g;
/** RFC 3986 section 2.3: these mean the same with and without percent-encoding. */
const UNRESERVED = /[A-Za-z0-9._~-]/;
/** `.` or `..` between what somebody takes for separators: an encoded slash, a backslash, and the
 *  parameters of a segment. */
const DOT_SEGMENT = /(?:^|[/\\]|%2F|%5C)\.\.?(?:[/\\;]|%2F|%5C|%3B|$)/;
/** What some servers decode to a separator, and others do not. */
const AMBIGUOUS_SEPARATOR = /\\|%2F|%5C/;

/**
 * A path as permissions compare it (RFC 3986 section 6.2.2): unreserved characters decoded, and the
 * digits of other encodings in upper case. Undefined for a path that could mean another one to whoever
 * resolves it: with `.` or `..` as a segment, a fragment, or an encoding that is none. Only a permission
 * for every path covers that.
 */
export function canonicalPath(path: string): string | undefined {
  const decoded = path.includes('%') ? path.replace(ENCODED, normalized) : path;
  if (DOT_SEGMENT.test(decoded) || /#|%(?![0-9A-F]{2})/.test(decoded)) return undefined;
  return decoded;
}

/**
 * Compiles what a permission says of paths: '' or `*`: every path; `/a/b`: this one; `/a/*`: everything
 * below `/a/`; `~regex`: paths that the regular expression matches from end to end. No regular
 * expression matches a path with an encoded slash or a backslash: what it takes for one segment may be
 * two to others.
 * @throws SyntaxError it is none of them
 */
export function compilePath(pattern: string): PathPattern {
  if (pattern === '' || pattern === '*') return ANY;
  if (pattern.startsWith('~')) {
    const regex = anchored(pattern.slice(1));
    return (path) => path !== undefined && !AMBIGUOUS_SEPARATOR.test(path) && regex.test(path);
  }
  const below = pattern.endsWith('/*');
  const canonical = canonicalPath(below ? pattern.slice(0, -1) : pattern);
  if (!pattern.startsWith('/') || canonical === undefined || canonical.includes('*')) {
    throw new SyntaxError(`no path can match ${JSON.stringify(pattern)}`);
  }
  return (path) => path !== undefined && (below ? path.startsWith(canonical) : path === canonical);
}

/** A regular expression that must match from end to end. @throws SyntaxError it is none */
export function anchored(source: string): RegExp {
  // By itself first: `a)|(?:b` would leave the group around it.
  new RegExp(source, 'u');
  return new RegExp(`^(?:${source})$`, 'u');
}

function normalized(code: string): string {
  const character = String.fromCharCode(Number.parseInt(code.slice(1), 16));
  return UNRESERVED.test(character) ? character : code.toUpperCase();
}
