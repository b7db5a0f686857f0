import { ACTIONS, type Action } from './admission.js';
import { canonicalPath, compilePath, type PathPattern } from './path-pattern.js';

/** Leave to do one thing on some paths, as configurations and JWT claims write it. */
export interface Permission {
  readonly action: Action;
  /** See `compilePath`. */
  readonly path: string;
}

/** Compiled permissions. What is not allowed is forbidden. */
export class Permissions {
  readonly #byAction = new Map<Action, PathPattern[]>();

  /** @throws SyntaxError a path is no pattern */
  constructor(list: readonly Permission[]) {
    for (const { action, path } of list) {
      const patterns = this.#byAction.get(action);
      if (patterns) patterns.push(compilePath(path));
      else this.#byAction.set(action, [compilePath(path)]);
    }
  }

  allow(action: Action, path: string): boolean {
    const patterns = this.#byAction.get(action);
    if (!patterns) return false;
    const canonical = canonicalPath(path);
    return patterns.some((matches) => matches(canonical));
  }
}

/** Nothing is known that would be allowed. */
export const NO_PERMISSIONS = new Permissions([]);

const MAX_CLAIMED = 256;
const MAX_PATH_LENGTH = 1024;
/** What a path pattern of ours begins with. */
const OURS = /^(?:\*?$|[/~])/;

/**
 * The permissions that a JWT claims: a list of `{action, path}`, as MediaMTX has it. Entries with
 * actions or paths that are not ours are left out: the token may be for other servers too. Undefined
 * when the claim is not such a list.
 */
export function claimedPermissions(claim: unknown): Permissions | undefined {
  if (!Array.isArray(claim) || claim.length > MAX_CLAIMED) return undefined;
  const list: Permission[] = [];
  for (const entry of claim as unknown[]) {
    if (typeof entry !== 'object' || entry === null) return undefined;
    const { action, path = '' } = entry as { action?: unknown; path?: unknown };
    if (typeof action !== 'string' || typeof path !== 'string') return undefined;
    if (path.length > MAX_PATH_LENGTH) return undefined;
    if ((ACTIONS as readonly string[]).includes(action) && OURS.test(path)) {
      list.push({ action: action as Action, path });
    }
  }
  try {
    return new Permissions(list);
  } catch {
    return undefined;
  }
}
