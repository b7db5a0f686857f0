import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/**
 * How a token stands in the configuration:
 * `sha256:<digest>` for a random token, `scrypt:<log2 N>:<r>:<p>:<salt>:<key>` for one that a person
 * chose. Bytes in base64url. A random token of 256 bits needs no slow hash: nobody can try them all.
 */
export type TokenHash = Sha256Hash | ScryptHash;

export interface Sha256Hash {
  readonly kind: 'sha256';
  readonly digest: Buffer;
}

export interface ScryptHash {
  readonly kind: 'scrypt';
  readonly options: ScryptOptions;
  readonly salt: Buffer;
  readonly key: Buffer;
}

export const TOKEN_HASH_PATTERN =
  /^(?:sha256:[\w-]{43}|scrypt:1[0-7]:(?:[1-9]|1[0-6]):[1-9]:[\w-]{22,86}:[\w-]{43})$/;

const TOKEN_BYTES = 32;
const KEY_BYTES = 32;
const SALT_BYTES = 16;
/** OWASP's second choice for scrypt: 64 MB would let a few guesses at once take the machine. */
const LOG_N = 14;
const BLOCK_SIZE = 8;
const PARALLEL = 5;

export function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Constant time for equal lengths, and lengths are no secret. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

/** A new token of 256 random bits, and its hash for the configuration. */
export function createToken(): { readonly token: string; readonly hash: string } {
  const token = `ur_${randomBytes(TOKEN_BYTES).toString('base64url')}`;
  return { token, hash: `sha256:${sha256(token).toString('base64url')}` };
}

/** The hash of a token that a person chose. Takes some ten milliseconds of a pool thread. */
export async function hashChosenToken(token: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const options = { N: 2 ** LOG_N, r: BLOCK_SIZE, p: PARALLEL };
  const key = await derive(token, salt, options);
  const bytes = [salt, key].map((one) => one.toString('base64url'));
  return `scrypt:${LOG_N}:${BLOCK_SIZE}:${PARALLEL}:${bytes.join(':')}`;
}

/** Takes apart what matches `TOKEN_HASH_PATTERN`. */
export function parseTokenHash(text: string): TokenHash {
  const [kind, ...parts] = text.split(':');
  if (kind === 'sha256') return { kind, digest: Buffer.from(parts[0] ?? '', 'base64url') };
  const [logN = '', r = '', p = '', salt = '', key = ''] = parts;
  return {
    kind: 'scrypt',
    options: { N: 2 ** Number(logN), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, 'base64url'),
    key: Buffer.from(key, 'base64url'),
  };
}

/** Whether the chosen token is the one that was hashed. */
export async function isChosenToken(token: string, hash: ScryptHash): Promise<boolean> {
  return sameBytes(await derive(token, hash.salt, hash.options), hash.key);
}

function derive(token: string, salt: Buffer, options: ScryptOptions): Promise<Buffer> {
  // Node's own limit of 32 MB is below what the configuration may ask for.
  const maxmem = 256 * (options.N ?? 1) * (options.r ?? 1);
  return new Promise((resolve, reject) => {
    scrypt(token, salt, KEY_BYTES, { ...options, maxmem }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
