import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { UploadResponseError } from '../errors/index.js';
import type { Action, Caller } from './admission.js';
import type { Credentials } from './credentials.js';
import { ExpiringCache } from './expiring-cache.js';
import { type Authenticator, accountOf, type Identity, subjectOf } from './identity.js';
import { keySet } from './jwks.js';
import { claimedPermissions } from './permissions.js';
import type { JwtConfig } from './schemes-config.js';

/** RFC 7515 section 3.1: three parts in base64url. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Longer ones are not looked at: a head has no room for much more. */
const MAX_LENGTH = 16_384;
const REMEMBERED = 1024;

/** Knows JSON Web Tokens (RFC 7519) that were signed with a key of the key set. */
export class JwtAuthenticator implements Authenticator {
  readonly #config: JwtConfig;
  readonly #keys: JWTVerifyGetKey;
  readonly #verified = new ExpiringCache<Identity>(REMEMBERED);

  /** @throws UploadResponseError INVALID_CONFIG: the file is no key set */
  constructor(config: JwtConfig) {
    this.#config = config;
    this.#keys = keySet(config);
  }

  identify(
    _action: Action,
    _caller: Caller,
    { tokens }: Credentials,
  ): Identity | undefined | Promise<Identity | undefined> {
    const token = tokens.find((one) => one.length <= MAX_LENGTH && COMPACT.test(one));
    if (token === undefined) return undefined;
    return this.#verified.get(token) ?? this.#verify(token);
  }

  async #verify(token: string): Promise<Identity> {
    const { issuer, audience, algorithms, clockToleranceMs, cacheMs } = this.#config;
    let payload: JWTPayload;
    try {
      const verified = await jwtVerify(token, this.#keys, {
        issuer,
        audience,
        algorithms: [...algorithms],
        clockTolerance: clockToleranceMs / 1000,
        requiredClaims: ['exp'],
      });
      payload = verified.payload;
    } catch (error) {
      throw refusal(error);
    }
    const identity = this.#identityOf(payload, token);
    const leftMs = (payload.exp ?? 0) * 1000 - Date.now() + clockToleranceMs;
    this.#verified.set(token, identity, Math.min(cacheMs, leftMs));
    return identity;
  }

  #identityOf(payload: JWTPayload, token: string): Identity {
    const { permissionsClaim } = this.#config;
    const allowed = claimedPermissions(payload[permissionsClaim]);
    if (!allowed) {
      throw invalid(`its claim ${permissionsClaim} is no list of {action, path}`);
    }
    const { sub, max_body_bytes: maxBodyBytes } = payload;
    if (maxBodyBytes !== undefined && !isSize(maxBodyBytes)) {
      throw invalid('its claim max_body_bytes is no number of bytes');
    }
    return {
      subject: sub === undefined ? undefined : `jwt:${subjectOf(sub)}`,
      account: sub === undefined ? accountOf('jwt-token', token) : accountOf('jwt', sub),
      maxBodyBytes,
      maxStreams: undefined,
      allows: (action, { path }) => allowed.allow(action, path),
    };
  }
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** What is wrong with the token itself; everything else is the key set's fault. */
const FAULTS: Readonly<Record<string, string>> = {
  ERR_JWT_EXPIRED: 'it has expired',
  ERR_JWT_INVALID: 'it is no JWT',
  ERR_JWS_INVALID: 'it is no JWT',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'its signature is wrong',
  ERR_JOSE_ALG_NOT_ALLOWED: 'its algorithm is not allowed',
  ERR_JOSE_NOT_SUPPORTED: 'its algorithm is not allowed',
  ERR_JWKS_NO_MATCHING_KEY: 'no key of the key set fits it',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'it does not say by which key it is signed',
};

function refusal(error: unknown): UploadResponseError {
  if (error instanceof errors.JWTClaimValidationFailed) {
    // The library's own list: the claim's name is no text of the token's.
    const missing = error.reason === 'missing' ? 'missing' : 'not what it must be';
    return invalid(`its claim ${error.claim} is ${missing}`);
  }
  const fault = FAULTS[(error as { code?: string }).code ?? ''];
  if (fault) return invalid(fault);
  // Without the cause: its message may hold the URL.
  return new UploadResponseError('AUTH_UNAVAILABLE', 'the key set cannot be had');
}

function invalid(detail: string): UploadResponseError {
  return new UploadResponseError('INVALID_CREDENTIALS', detail);
}
