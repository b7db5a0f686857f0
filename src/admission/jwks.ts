import { readFileSync } from 'node:fs';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWKSCacheInput,
  type JWTVerifyGetKey,
  jwksCache,
} from 'jose';
import { UploadResponseError } from '../errors/index.js';
import type { JwtConfig } from './schemes-config.js';

/** After a fetch that failed nobody waits for another one for so long. */
const PAUSE_MS = 1000;

/** What a key set itself says of a token; everything else is that it could not be had. */
const VERDICTS: ReadonlySet<string> = new Set([
  errors.JWKSNoMatchingKey.code,
  errors.JWKSMultipleMatchingKeys.code,
  errors.JOSENotSupported.code,
]);

/** The keys that may have signed a token. @throws UploadResponseError INVALID_CONFIG: the file is no
 *  key set */
export function keySet(config: JwtConfig): JWTVerifyGetKey {
  const { jwksUrl, jwksFile = '' } = config;
  if (jwksUrl !== undefined) return remoteKeySet(config, new URL(jwksUrl));
  try {
    return createLocalJWKSet(JSON.parse(readFileSync(jwksFile, 'utf8')));
  } catch (cause) {
    const { code, name } = cause as NodeJS.ErrnoException;
    // Not the message: it quotes the file, which may be the wrong one.
    const detail = `auth.jwt.jwksFile: ${jwksFile} is no key set that can be read (${code ?? name})`;
    throw new UploadResponseError('INVALID_CONFIG', detail);
  }
}

/**
 * A key set that is fetched when it is first needed, when it is too old, and when a key is unknown.
 * While that fails, the last one counts for `jwksStaleMs` beyond its age.
 */
function remoteKeySet(config: JwtConfig, url: URL): JWTVerifyGetKey {
  const { jwksMaxAgeMs, jwksCooldownMs, jwksTimeoutMs, jwksStaleMs } = config;
  const last: JWKSCacheInput = {};
  let pausedUntil = 0;
  const remote = createRemoteJWKSet(url, {
    cacheMaxAge: jwksMaxAgeMs,
    cooldownDuration: jwksCooldownMs,
    timeoutDuration: jwksTimeoutMs,
    [jwksCache]: last,
    [customFetch]: async (target, init) => {
      if (performance.now() < pausedUntil) throw new Error('the last fetch has failed just now');
      try {
        const response = await fetch(target, init);
        if (response.status === 200) return response;
        await response.body?.cancel();
        throw new Error(`status ${response.status}`);
      } catch (error) {
        // Whoever has keys can go on with them meanwhile.
        pausedUntil =
          performance.now() + (last.jwks ? Math.max(PAUSE_MS, jwksCooldownMs) : PAUSE_MS);
        throw error;
      }
    },
  });
  return async (header, token) => {
    try {
      return await remote(header, token);
    } catch (error) {
      if (VERDICTS.has((error as errors.JOSEError).code)) throw error;
      const staleUntil = (last.uat ?? 0) + jwksMaxAgeMs + jwksStaleMs;
      if (!last.jwks || Date.now() >= staleUntil) throw error;
      // A key that is not there may be new: that is the failed fetch's fault.
      return createLocalJWKSet(last.jwks)(header, token).catch(() => {
        throw error;
      });
    }
  };
}
