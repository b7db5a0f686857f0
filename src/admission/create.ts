import { isDeepStrictEqual } from 'node:util';
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
import { Limiter } from './limiter.js';
import type { AdmissionLimits } from './limits.js';
import { isLoopback } from './loopback.js';
import { Proxies } from './proxies.js';
import { SignedUrlAuthenticator } from './signed-url.js';
import { TokenAuthenticator } from './tokens.js';

/** What a server asks before it takes anything. Both stay the same objects for its whole life. */
export interface AdmissionSet {
  readonly admission: Admission;
  readonly connections: ConnectionAdmission;
  /**
   * Reads another configuration, and key sets again. What it returns puts that in place: what is new
   * counts from then on; what was let in before stays, and is counted on.
   * @throws UploadResponseError INVALID_CONFIG, and nothing has changed; also where it would turn
   *   authentication off: other machines may reach a server that was started with it
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
  return new CurrentAdmission(auth, limits);
}

/** A configuration's authenticators, and what has to be ended with them. */
interface Authenticators {
  readonly list: readonly Authenticator[];
  readonly callback: CallbackAuthenticator | undefined;
}

class CurrentAdmission implements AdmissionSet, Admission, ConnectionAdmission {
  readonly admission: Admission = this;
  readonly connections: ConnectionAdmission = this;
  readonly #limiter: Limiter;
  #auth: AuthConfig;
  #proxies: Proxies;
  #authenticators: Authenticators;
  #gate: Gate | undefined;
  /** Those in use, and those of before that somebody still waits for. */
  readonly #callbacks = new Set<CallbackAuthenticator>();

  constructor(auth: AuthConfig, limits: AdmissionLimits) {
    this.#authenticators = authenticatorsOf(auth);
    this.#auth = auth;
    this.#proxies = new Proxies(auth.trustedProxies);
    this.#limiter = new Limiter(limits, this.#proxies);
    this.#gate = this.#makeGate();
  }

  admit(action: Action, caller: Caller, opensStream?: boolean): Permit | Promise<Permit> {
    return (this.#gate ?? openAdmission).admit(action, caller, opensStream);
  }

  connect(peer: string): () => void {
    // Without authentication TCP listens on loopback only; UDP has to be open to more.
    if (peer !== '' && !isLoopback(peer) && !isAuthConfigured(this.#auth)) {
      throw new UploadResponseError('LOOPBACK_ONLY');
    }
    return this.#limiter.connect(peer);
  }

  prepare(auth: AuthConfig, limits: AdmissionLimits): () => void {
    if (isAuthConfigured(this.#auth) && !isAuthConfigured(auth)) {
      const detail = 'auth: it cannot be turned off while the server runs, restart it';
      throw new UploadResponseError('INVALID_CONFIG', detail);
    }
    // A file may hold another key set under the same name.
    const kept = isDeepStrictEqual(auth, this.#auth) && auth.jwt?.jwksFile === undefined;
    const authenticators = kept ? this.#authenticators : authenticatorsOf(auth);
    const proxies = new Proxies(auth.trustedProxies);
    return () => {
      const before = { gate: this.#gate, callback: this.#authenticators.callback };
      this.#authenticators = authenticators;
      this.#auth = auth;
      this.#proxies = proxies;
      this.#limiter.update(limits, proxies);
      this.#gate = this.#makeGate();
      if (!kept && before.callback) void this.#retire(before.callback, before.gate);
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#callbacks].map((callback) => callback.close().catch(() => {})));
    this.#callbacks.clear();
  }

  #makeGate(): Gate | undefined {
    const { list, callback } = this.#authenticators;
    if (callback) this.#callbacks.add(callback);
    if (!isAuthConfigured(this.#auth) && !this.#limiter.limitsRequests) return undefined;
    return new Gate(this.#auth, list, this.#limiter, this.#proxies);
  }

  /** Ends it when nobody asks it any more. */
  async #retire(callback: CallbackAuthenticator, gate: Gate | undefined): Promise<void> {
    await gate?.idle();
    await callback.close().catch(() => {});
    this.#callbacks.delete(callback);
  }
}

/** The callback comes last: it is asked what nobody here knows. */
function authenticatorsOf(auth: AuthConfig): Authenticators {
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
  const callback = auth.callback && new CallbackAuthenticator(auth.callback);
  if (callback) list.push(callback);
  return { list, callback };
}
