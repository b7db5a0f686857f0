import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { credentialsIn } from './target.js';

/** Somebody who may connect. */
export interface AdobeUser {
  readonly name: string;
  readonly password: string;
}

/** `description`: of the `_error` that a client's `connect` is to be answered with. */
export type AdobeVerdict =
  | { readonly accepted: AdobeUser }
  | { readonly description: string; readonly failed: boolean };

/** How long a challenge can be answered. */
const CHALLENGE_MS = 30_000;
const SCHEME = 'authmod=adobe';
const MANAGER = '[ AccessManager.Reject ] : ';

const FAILED: AdobeVerdict = {
  description: `${MANAGER}[ ${SCHEME} ] : ?reason=authfailed`,
  failed: true,
};

/**
 * `authmod=adobe`, which encoders speak that ask for a user and a password: as librtmp and ffmpeg have
 * it, since no specification was published. Each step is a `connect` of its own: one without a user is
 * told that one is needed, one with a user gets salt and challenge, and one with the response is let in.
 * A challenge carries its own proof (time, MAC under the users' passwords), so that the steps may meet
 * different server processes; it can be answered once in each.
 */
export class AdobeAuth {
  #users!: ReadonlyMap<string, AdobeUser>;
  #key!: Buffer;
  readonly #now: () => number;
  /** Challenges that were answered, with the time after which nobody takes them any more. */
  readonly #answered = new Map<string, number>();

  /** `now`: milliseconds since 1970. */
  constructor(users: readonly AdobeUser[], now: () => number = Date.now) {
    this.replace(users);
    this.#now = now;
  }

  /** Others may connect from now on; where they differ, challenges that are not answered yet fail. */
  replace(users: readonly AdobeUser[]): void {
    this.#users = new Map(users.map((user) => [user.name, user]));
    this.#key = createHash('sha256').update(JSON.stringify(users)).digest();
  }

  /** `query`: what stands behind the app's name in `connect`, where a user and a password may stand too. */
  check(query: string): AdobeVerdict {
    // Some clients send Base64 as it is, where a plus would be read as a space.
    const parameters = new URLSearchParams(query.replaceAll('+', '%2B'));
    const [name = '', password] = credentialsIn(parameters);
    if (parameters.get('authmod') !== 'adobe') {
      if (password !== undefined) return this.#plain(name, password);
      return { description: `${MANAGER}[ code=403 need auth; ${SCHEME} ] : `, failed: false };
    }
    const response = parameters.get('response');
    if (response === null) return { description: this.#challenge(name), failed: false };
    const opaque = parameters.get('opaque') ?? '';
    const user = this.#users.get(name);
    const expected = responseOf(
      { name, password: user?.password ?? '' },
      this.#saltOf(name),
      opaque,
      parameters.get('challenge') ?? '',
    );
    const right = equal(response, expected) && user !== undefined;
    return this.#takes(opaque, name) && right ? { accepted: user } : FAILED;
  }

  #plain(name: string, password: string): AdobeVerdict {
    const user = this.#users.get(name);
    return equal(password, user?.password ?? '') && user ? { accepted: user } : FAILED;
  }

  #challenge(name: string): string {
    const opaque = this.#seal(`${this.#now()}.${randomBytes(9).toString('hex')}`, name);
    const salt = this.#saltOf(name);
    const fields = `user=${encodeURIComponent(name)}&salt=${salt}&challenge=${opaque}&opaque=${opaque}`;
    return `${MANAGER}[ ${SCHEME} ] : ?reason=needauth&${fields}`;
  }

  /** The same for everybody, so that nobody learns which users there are. */
  #saltOf(name: string): string {
    return this.#mac('salt', name).slice(0, 16);
  }

  /** Whether it is a challenge of ours for this user, in time, and not answered yet. */
  #takes(opaque: string, name: string): boolean {
    const now = this.#now();
    for (const [one, until] of this.#answered) {
      if (until >= now) break;
      this.#answered.delete(one);
    }
    const text = opaque.slice(0, opaque.lastIndexOf('.'));
    const issuedAt = Number(text.split('.')[0]);
    if (!equal(opaque, this.#seal(text, name)) || !(now - issuedAt <= CHALLENGE_MS)) return false;
    if (this.#answered.has(opaque)) return false;
    this.#answered.set(opaque, now + CHALLENGE_MS);
    return true;
  }

  #seal(text: string, name: string): string {
    return `${text}.${this.#mac('opaque', `${text} ${name}`).slice(0, 32)}`;
  }

  #mac(what: string, text: string): string {
    return createHmac('sha256', this.#key).update(`${what} ${text}`).digest('hex');
  }
}

/** What a client that knows the password answers a challenge with. */
export function responseOf(
  { name, password }: AdobeUser,
  salt: string,
  opaque: string,
  clientChallenge: string,
): string {
  const md5 = (text: string) => createHash('md5').update(text).digest('base64');
  return md5(md5(name + salt + password) + opaque + clientChallenge);
}

function equal(one: string, other: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(one), hash(other));
}
