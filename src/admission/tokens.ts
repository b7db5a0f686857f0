import { createHmac, randomBytes } from 'node:crypto';
import { UploadResponseError } from '../errors/index.js';
import type { Action, Caller } from './admission.js';
import type { Credentials } from './credentials.js';
import { ExpiringCache } from './expiring-cache.js';
import { type Authenticator, accountOf, type Identity } from './identity.js';
import { Permissions } from './permissions.js';
import type { TokenConfig } from './schemes-config.js';
import { isChosenToken, parseTokenHash, type ScryptHash, sameBytes, sha256 } from './token-hash.js';

interface RandomToken {
  readonly digest: Buffer;
  readonly identity: Identity;
}

interface ChosenToken {
  readonly name: string;
  readonly hash: ScryptHash;
  readonly identity: Identity;
}

/** Guesses that may wait for the slow hash at once: each takes memory and a thread. */
const MAX_GUESSES = 8;
const REMEMBERED = 256;
const REMEMBER_MS = 3_600_000;

/** Knows the tokens of `auth.tokens`. */
export class TokenAuthenticator implements Authenticator {
  readonly #key = randomBytes(32);
  readonly #random = new Map<string, RandomToken>();
  readonly #chosen: ChosenToken[] = [];
  /** Chosen tokens that were right once: the slow hash is for guesses. */
  readonly #known = new ExpiringCache<Identity>(REMEMBERED);
  #guesses = 0;

  constructor(tokens: readonly TokenConfig[]) {
    for (const { name, hash, permissions, maxBodyBytes, maxStreams } of tokens) {
      const allowed = new Permissions(permissions);
      const identity: Identity = {
        subject: name,
        account: accountOf('token', name),
        maxBodyBytes: maxBodyBytes || undefined,
        maxStreams: maxStreams || undefined,
        allows: (action, { path }) => allowed.allow(action, path),
      };
      const parsed = parseTokenHash(hash);
      if (parsed.kind === 'sha256') {
        this.#random.set(this.#index(parsed.digest), { digest: parsed.digest, identity });
      } else {
        this.#chosen.push({ name, hash: parsed, identity });
      }
    }
  }

  identify(
    _action: Action,
    _caller: Caller,
    { tokens, user }: Credentials,
  ): Identity | undefined | Promise<Identity | undefined> {
    for (const token of tokens) {
      const identity = this.#find(token);
      if (identity) return identity;
    }
    if (this.#chosen.length === 0 || tokens.length === 0) return undefined;
    for (const token of tokens) {
      const identity = this.#known.get(token);
      if (identity) return identity;
    }
    return this.#guess(tokens, user);
  }

  /** Found by a keyed digest: how long it takes says nothing about the digests that there are. */
  #find(token: string): Identity | undefined {
    if (this.#random.size === 0) return undefined;
    const digest = sha256(token);
    const found = this.#random.get(this.#index(digest));
    return found && sameBytes(found.digest, digest) ? found.identity : undefined;
  }

  #index(digest: Buffer): string {
    return createHmac('sha256', this.#key).update(digest).digest('base64');
  }

  async #guess(tokens: readonly string[], user: string | undefined): Promise<Identity | undefined> {
    if (this.#guesses >= MAX_GUESSES) {
      throw new UploadResponseError('AUTH_UNAVAILABLE', 'too many tokens are being checked');
    }
    this.#guesses++;
    try {
      const named = user ? this.#chosen.filter(({ name }) => name === user) : this.#chosen;
      for (const token of tokens) {
        for (const { hash, identity } of named) {
          if (!(await isChosenToken(token, hash))) continue;
          this.#known.set(token, identity, REMEMBER_MS);
          return identity;
        }
      }
      return undefined;
    } finally {
      this.#guesses--;
    }
  }
}
