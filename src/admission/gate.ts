import { UploadResponseError } from '../errors/index.js';
import type { Action, Admission, Caller, Permit, Withheld } from './admission.js';
import { type AuthConfig, hasAuthenticator, isAuthConfigured } from './config.js';
import { type Credentials, credentialsOf } from './credentials.js';
import type { Authenticator, Identity } from './identity.js';
import type { Limiter } from './limiter.js';
import type { Proxies } from './proxies.js';
import { SIGNATURE_NAMES } from './signed-url.js';

/** Whoever is let in without a name. */
const ANYBODY: Identity = {
  subject: undefined,
  account: undefined,
  maxBodyBytes: undefined,
  maxStreams: undefined,
  allows: () => true,
};

interface Question {
  readonly action: Action;
  readonly caller: Caller;
  readonly credentials: Credentials;
  /** Who it is where nobody knows better. */
  readonly otherwise: Identity | undefined;
}

/**
 * Who may do what, and how much of it at once: takes the peer's place, finds out who it is, takes the
 * caller's place. The first authenticator that knows somebody who may do it counts.
 */
export class Gate implements Admission {
  readonly #authenticators: readonly Authenticator[];
  readonly #limiter: Limiter;
  readonly #proxies: Proxies;
  readonly #anonymous: readonly Action[];
  readonly #tokenParameter: string;
  /** There is no way to say who one is. */
  readonly #unknowing: boolean;
  /** Nothing is configured: everybody may do everything. */
  readonly #open: boolean;
  readonly #withheld: Withheld | undefined;
  /** Callers for whom somebody is being asked. */
  #asking = 0;
  #onIdle: (() => void)[] = [];

  constructor(
    config: AuthConfig,
    authenticators: readonly Authenticator[],
    limiter: Limiter,
    proxies: Proxies,
  ) {
    this.#proxies = proxies;
    this.#authenticators = authenticators;
    this.#limiter = limiter;
    this.#anonymous = config.anonymous;
    this.#tokenParameter = config.tokenParameter;
    this.#unknowing = !hasAuthenticator(config);
    this.#open = !isAuthConfigured(config);
    if (!config.forwardCredentials && !this.#unknowing) {
      const parameters = [config.tokenParameter, ...SIGNATURE_NAMES];
      this.#withheld = { headers: ['authorization'], parameters };
    }
  }

  admit(action: Action, from: Caller, isStream = action === 'publish'): Permit | Promise<Permit> {
    const peer = this.#proxies.peerOf(from);
    const caller = peer === from.peer ? from : { ...from, peer };
    const leave = this.#limiter.enter(peer, isStream);
    const refused = (error: unknown): never => {
      leave();
      const { code } = error as Partial<UploadResponseError>;
      if (code === 'INVALID_CREDENTIALS' || code === 'INVALID_SIGNATURE') {
        this.#limiter.failed(peer);
      }
      throw error;
    };
    try {
      const identity = this.#identify(action, caller);
      if (!(identity instanceof Promise)) return this.#permit(identity, isStream, leave);
      this.#asking++;
      return identity
        .then((one) => this.#permit(one, isStream, leave))
        .catch(refused)
        .finally(() => this.#asked());
    } catch (error) {
      return refused(error);
    }
  }

  /** Resolves when nobody is being asked. */
  idle(): Promise<void> {
    if (this.#asking === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #asked(): void {
    if (--this.#asking > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #permit(identity: Identity, isStream: boolean, leave: () => void): Permit {
    const leaveAs = this.#limiter.enterAs(identity, isStream);
    const { subject, maxBodyBytes } = identity;
    const release = (): void => {
      leave();
      leaveAs();
    };
    return { subject, maxBodyBytes, withheld: this.#withheld, release };
  }

  #identify(action: Action, caller: Caller): Identity | Promise<Identity> {
    if (this.#open) return ANYBODY;
    if (this.#unknowing) {
      if (this.#anonymous.includes(action)) return ANYBODY;
      throw new UploadResponseError('UNAUTHENTICATED');
    }
    const credentials = credentialsOf(caller, this.#tokenParameter);
    const signed = SIGNATURE_NAMES.some((name) => caller.query.includes(name));
    const stranger = !credentials.any && !signed && this.#anonymous.includes(action);
    if (stranger && caller.certificate === undefined) return ANYBODY;
    // A certificate is shown to whoever asks for one: it is no reason to have less than without it.
    const otherwise = stranger ? ANYBODY : undefined;
    return this.#find({ action, caller, credentials, otherwise }, 0, false);
  }

  /** Asks the authenticators from `at` on. `known`: one of the others knew somebody, who may not. */
  #find(question: Question, at: number, known: boolean): Identity | Promise<Identity> {
    const { action, caller, credentials, otherwise } = question;
    let forbidden = known;
    for (let i = at; i < this.#authenticators.length; i++) {
      const found = this.#authenticators[i]?.identify(action, caller, credentials);
      if (found instanceof Promise) {
        return found.then((identity) => {
          if (identity?.allows(action, caller)) return identity;
          return this.#find(question, i + 1, forbidden || identity !== undefined);
        });
      }
      if (found?.allows(action, caller)) return found;
      forbidden ||= found !== undefined;
    }
    if (otherwise) return otherwise;
    if (forbidden) throw new UploadResponseError('FORBIDDEN', `${action} at this path`);
    throw new UploadResponseError(credentials.any ? 'INVALID_CREDENTIALS' : 'UNAUTHENTICATED');
  }
}
