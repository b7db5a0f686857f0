import { UploadResponseError } from '../errors/index.js';
import {
  type Action,
  type Admission,
  type Caller,
  type ConnectionAdmission,
  openAdmission,
  type Permit,
} from './admission.js';
import { CallbackAuthenticator } from './callback.js';
import { CertificateAuthenticator } from './certificates.js';
import { type AuthConfig, isAuthConfigured } from './config.js';
import { Gate } from './gate.js';
import type { Authenticator } from './identity.js';
import { JwtAuthenticator } from './jwt.js';
import { Limiter, limitsRequests } from './limiter.js';
import type { AdmissionLimits } from './limits.js';
import { SignedUrlAuthenticator } from './signed-url.js';
import { TokenAuthenticator } from './tokens.js';

/** What a server asks before it takes anything. */
export interface AdmissionSet {
  readonly admission: Admission;
  readonly connections: ConnectionAdmission;
  /**
   * Reads another configuration, and key sets again. What it returns puts that in place: whoever was let
   * in before stays. @throws UploadResponseError INVALID_CONFIG; nothing has changed then
   */
  prepare(auth: AuthConfig, limits: AdmissionLimits): () => void;
  /** Ends what is asked of others. Idempotent, never throws. */
  close(): Promise<void>;
}

/**
 * What the configuration says of callers and their number.
 * @throws UploadResponseError INVALID_CONFIG
 */
export function createAdmission(auth: AuthConfig, limits: AdmissionLimits): AdmissionSet {
  return new Admissions(auth, limits);
}

/** One configuration's answer to who may do what. */
interface Rules {
  readonly admission: Admission;
  readonly callback: CallbackAuthenticator | undefined;
}

class Admissions implements AdmissionSet, Admission {
  readonly admission = this;
  readonly connections: Limiter;
  #rules: Rules;
  /** Callbacks that still have questions of the rules before. */
  readonly #retiring = new Set<CallbackAuthenticator>();

  constructor(auth: AuthConfig, limits: AdmissionLimits) {
    this.connections = new Limiter(limits);
    this.#rules = createRules(auth, limits, this.connections);
  }

  admit(action: Action, caller: Caller): Permit | Promise<Permit> {
    return this.#rules.admission.admit(action, caller);
  }

  prepare(auth: AuthConfig, limits: AdmissionLimits): () => void {
    const rules = createRules(auth, limits, this.connections);
    return () => {
      this.connections.setLimits(limits);
      const { callback } = this.#rules;
      this.#rules = rules;
      if (!callback) return;
      this.#retiring.add(callback);
      void callback.retire().finally(() => this.#retiring.delete(callback));
    };
  }

  async close(): Promise<void> {
    const { callback } = this.#rules;
    const callbacks = callback ? [callback, ...this.#retiring] : [...this.#retiring];
    await Promise.all(callbacks.map((one) => one.close()));
  }
}

function createRules(auth: AuthConfig, limits: AdmissionLimits, limiter: Limiter): Rules {
  if (!isAuthConfigured(auth) && !limitsRequests(limits)) {
    return { admission: openAdmission, callback: undefined };
  }
  const authenticators = authenticatorsOf(auth);
  const callback = auth.callback && new CallbackAuthenticator(auth.callback);
  // The callback comes last: it is asked what nobody here knows.
  if (callback) authenticators.push(callback);
  return { admission: new Gate(auth, authenticators, limiter), callback };
}

function authenticatorsOf(auth: AuthConfig): Authenticator[] {
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
  return list;
}
