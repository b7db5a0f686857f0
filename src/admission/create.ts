import { UploadResponseError } from '../errors/index.js';
import { type Admission, type ConnectionAdmission, openAdmission } from './admission.js';
import { CallbackAuthenticator } from './callback.js';
import { CertificateAuthenticator } from './certificates.js';
import { type AuthConfig, isAuthConfigured } from './config.js';
import { Gate } from './gate.js';
import type { Authenticator } from './identity.js';
import { JwtAuthenticator } from './jwt.js';
import { Limiter } from './limiter.js';
import type { AdmissionLimits } from './limits.js';
import { SignedUrlAuthenticator } from './signed-url.js';
import { TokenAuthenticator } from './tokens.js';

/** What a server asks before it takes anything. */
export interface AdmissionSet {
  readonly admission: Admission;
  readonly connections: ConnectionAdmission;
  /** Ends what is asked of others. Idempotent, never throws. */
  close(): Promise<void>;
}

/**
 * What the configuration says of callers and their number.
 * @throws UploadResponseError INVALID_CONFIG
 */
export function createAdmission(auth: AuthConfig, limits: AdmissionLimits): AdmissionSet {
  const limiter = new Limiter(limits);
  const closing: (() => Promise<void>)[] = [];
  const idle = !isAuthConfigured(auth) && !limiter.limitsRequests;
  const admission = idle ? openAdmission : new Gate(auth, authenticatorsOf(auth, closing), limiter);
  return {
    admission,
    connections: limiter,
    close: async () => {
      await Promise.all(closing.splice(0).map((close) => close().catch(() => {})));
    },
  };
}

/** The callback comes last: it is asked what nobody here knows. */
function authenticatorsOf(auth: AuthConfig, closing: (() => Promise<void>)[]): Authenticator[] {
  const list: Authenticator[] = [];
  try {
    if (auth.certificates.length > 0) list.push(new CertificateAuthenticator(auth.certificates));
    if (auth.signedUrls.keys.length > 0) {
      list.push(new SignedUrlAuthenticator(auth.signedUrls.keys));
    }
    if (auth.tokens.length > 0) list.push(new TokenAuthenticator(auth.tokens));
    if (auth.jwt) list.push(new JwtAuthenticator(auth.jwt));
  } catch (cause) {
    if (cause instanceof UploadResponseError) throw cause;
    const detail = `auth: ${(cause as Error).message}`;
    throw new UploadResponseError('INVALID_CONFIG', detail, { cause });
  }
  if (auth.callback) {
    const callback = new CallbackAuthenticator(auth.callback);
    closing.push(() => callback.close());
    list.push(callback);
  }
  return list;
}
