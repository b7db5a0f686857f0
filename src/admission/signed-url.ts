import { createHmac } from 'node:crypto';
import { UploadResponseError } from '../errors/index.js';
import type { Action, Caller } from './admission.js';
import { type Authenticator, accountOf, type Identity } from './identity.js';
import type { SigningKeyConfig } from './schemes-config.js';
import { sameBytes } from './token-hash.js';
import { withoutParameters } from './withheld.js';

/** Names of the query parameters of a signed URL. */
export const SIGNATURE_PARAMETERS = {
  key: 'ur-key',
  expires: 'ur-expires',
  maxBytes: 'ur-max-bytes',
  signature: 'ur-signature',
} as const;

export interface SignUploadUrlOptions {
  /** An absolute URL, with whatever query the request shall have. */
  readonly url: string | URL;
  /** The method that will be used: `PUT` for an upload, `GET` for a WebSocket. */
  readonly method?: string;
  readonly keyId: string;
  /** The text that stands under this id in `auth.signedUrls.keys`. */
  readonly secret: string;
  /** When the request must have begun. */
  readonly expires: Date;
  /** Largest body. */
  readonly maxBytes?: number;
}

/** Seconds and bytes, without what `Number` would make of other texts. */
const NUMBER = /^\d{1,15}$/;

interface Signed {
  readonly method: string;
  readonly path: string;
  /** Without the parameters of the signature. */
  readonly query: string;
  readonly expires: string;
  readonly maxBytes: string;
  readonly keyId: string;
}

/**
 * A URL that lets whoever has it upload to it until it expires: HMAC-SHA256 over method, path, query,
 * expiry and largest body. The path and the query count as they stand in the URL.
 * @throws RangeError `expires` or `maxBytes` is none
 */
export function signUploadUrl(options: SignUploadUrlOptions): string {
  const { keyId, secret, maxBytes, method = 'PUT' } = options;
  const url = new URL(options.url);
  const expires = Math.floor(options.expires.getTime() / 1000);
  if (!Number.isSafeInteger(expires)) throw new RangeError('expires is no valid date');
  if (maxBytes !== undefined && !(Number.isSafeInteger(maxBytes) && maxBytes >= 0)) {
    throw new RangeError('maxBytes is no number of bytes');
  }
  const signed: Signed = {
    method,
    path: url.pathname,
    query: withoutParameters(url.search.slice(1), SIGNATURE_NAMES),
    expires: String(expires),
    maxBytes: maxBytes === undefined ? '' : String(maxBytes),
    keyId,
  };
  const names = SIGNATURE_PARAMETERS;
  const parameters = [`${names.key}=${encodeURIComponent(keyId)}`, `${names.expires}=${expires}`];
  if (maxBytes !== undefined) parameters.push(`${names.maxBytes}=${maxBytes}`);
  parameters.push(`${names.signature}=${signatureOf(signed, secret).toString('base64url')}`);
  url.search = [signed.query, ...parameters].filter(Boolean).join('&');
  return url.href;
}

/** Knows the URLs that were signed with one of `auth.signedUrls.keys`. */
export class SignedUrlAuthenticator implements Authenticator {
  readonly #secrets: ReadonlyMap<string, string>;
  readonly #now: () => number;

  /** `now`: milliseconds since 1970. */
  constructor(keys: readonly SigningKeyConfig[], now: () => number = Date.now) {
    this.#secrets = new Map(keys.map(({ id, secret }) => [id, secret]));
    this.#now = now;
  }

  identify(_action: Action, { method, path, query }: Caller): Identity | undefined {
    if (!query.includes(SIGNATURE_PARAMETERS.signature)) return undefined;
    const { signature, ...given } = parametersOf(query);
    if (signature === undefined) return undefined;
    const { key: keyId = '', expires = '', maxBytes = '' } = given;
    const signed = { method, path, query: withoutParameters(query, SIGNATURE_NAMES), keyId };
    // An unknown key takes the same way, so that ids cannot be found out by the time it takes.
    const secret = this.#secrets.get(keyId);
    const expected = signatureOf({ ...signed, expires, maxBytes }, secret ?? '');
    if (!sameBytes(expected, Buffer.from(signature, 'base64url')) || secret === undefined) {
      throw new UploadResponseError('INVALID_SIGNATURE');
    }
    // Whoever has the key may have signed nonsense, and no comparison with NaN ever refuses.
    if (!NUMBER.test(expires) || !(maxBytes === '' || NUMBER.test(maxBytes))) {
      const detail = 'its expiry or largest body is no number';
      throw new UploadResponseError('INVALID_SIGNATURE', detail);
    }
    if (this.#now() >= Number(expires) * 1000) {
      throw new UploadResponseError('INVALID_SIGNATURE', 'it has expired');
    }
    return {
      subject: `key:${keyId}`,
      // Each URL for itself, as each token does. Not by what was given: base64url can be written in
      // more than one way.
      account: accountOf('url', expected.toString('base64url')),
      maxBodyBytes: maxBytes === '' ? undefined : Number(maxBytes),
      maxStreams: undefined,
      allows: (action) => action === 'publish',
    };
  }
}

export const SIGNATURE_NAMES: readonly string[] = Object.values(SIGNATURE_PARAMETERS);

/** Every parameter of a signature must be there at most once: the first is not better than the last. */
function parametersOf(query: string): {
  [Name in keyof typeof SIGNATURE_PARAMETERS]?: string | undefined;
} {
  const all = new URLSearchParams(query);
  const one = (name: string): string | undefined => {
    const values = all.getAll(name);
    if (values.length > 1) throw new UploadResponseError('INVALID_SIGNATURE', `two ${name}`);
    return values[0];
  };
  const { key, expires, maxBytes, signature } = SIGNATURE_PARAMETERS;
  return {
    key: one(key),
    expires: one(expires),
    maxBytes: one(maxBytes),
    signature: one(signature),
  };
}

/** No field can hold a line feed: HTTP has none in method and target, and the rest is encoded. */
function signatureOf(signed: Signed, secret: string): Buffer {
  const { method, path, query, expires, maxBytes, keyId } = signed;
  const lines = ['upload-response-url-1', method, path, query, expires, maxBytes, keyId];
  return createHmac('sha256', secret).update(lines.map(escaped).join('\n')).digest();
}

function escaped(field: string): string {
  return field.replaceAll('%', '%25').replaceAll('\n', '%0A');
}
