import { Agent, request } from 'undici';
import { UploadResponseError } from '../errors/index.js';
import type { Action, Caller } from './admission.js';
import type { Credentials } from './credentials.js';
import { ExpiringCache } from './expiring-cache.js';
import { type Authenticator, accountOf, type Identity, subjectOf } from './identity.js';
import { canonicalPath } from './path-pattern.js';
import type { CallbackConfig } from './schemes-config.js';

const REMEMBERED = 1024;
/** Answers are read to their end, so that the connection can be used again; longer ones are cut. */
const MAX_ANSWER_BYTES = 64 * 1024;
const CONNECTIONS = 32;

/** What it said: that is all that is remembered. */
type Ruling = 'allowed' | 'unknown' | 'forbidden';

/**
 * Asks somebody else, as MediaMTX does: a POST of JSON for each request; 2xx allows it, 401 says that
 * the credentials are missing or wrong, any other 4xx that they do not suffice. What is no answer (none
 * in time, no connection, a redirect, 5xx) lets nobody in.
 */
export class CallbackAuthenticator implements Authenticator {
  readonly #config: CallbackConfig;
  readonly #agent: Agent;
  readonly #known = new ExpiringCache<Ruling>(REMEMBERED);
  #waiting = 0;

  constructor(config: CallbackConfig) {
    this.#config = config;
    this.#agent = new Agent({
      connections: CONNECTIONS,
      pipelining: 1,
      connect: { timeout: config.timeoutMs },
    });
  }

  identify(
    action: Action,
    caller: Caller,
    credentials: Credentials,
  ): Identity | Promise<Identity | undefined> | undefined {
    // Whoever compares it with a prefix must not be led astray.
    const path = canonicalPath(caller.path);
    if (path === undefined) return identityOf('forbidden', credentials);
    const question = questionOf(action, { ...caller, path }, credentials);
    const known = this.#known.get(question);
    if (known) return identityOf(known, credentials);
    return this.#ask(question, caller).then((ruling) => {
      this.#known.set(question, ruling, this.#config.cacheMs);
      return identityOf(ruling, credentials);
    });
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #ask(question: string, { id }: Caller): Promise<Ruling> {
    const { url, authorization, timeoutMs, maxWaiting } = this.#config;
    if (this.#waiting >= maxWaiting) throw unavailable('too many questions are under way');
    this.#waiting++;
    try {
      const { statusCode, body } = await request(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
        // Not part of the question, since no two sessions would ever ask the same.
        body: id === undefined ? question : JSON.stringify({ ...JSON.parse(question), id }),
        dispatcher: this.#agent,
        signal: AbortSignal.timeout(timeoutMs),
      });
      await body.dump({ limit: MAX_ANSWER_BYTES }).catch(() => {});
      if (statusCode >= 200 && statusCode < 300) return 'allowed';
      if (statusCode === 401) return 'unknown';
      if (statusCode >= 400 && statusCode < 500) return 'forbidden';
      throw unavailable(`the callback answered ${statusCode}`);
    } catch (error) {
      if (error instanceof UploadResponseError) throw error;
      // Without the cause: its message may hold the URL.
      throw unavailable('the callback did not answer');
    } finally {
      this.#waiting--;
    }
  }
}

function questionOf(action: Action, caller: Caller, credentials: Credentials): string {
  const { user = '', password = '', tokens } = credentials;
  return JSON.stringify({
    ip: caller.peer,
    user,
    password,
    token: tokens[0] ?? '',
    action,
    path: caller.path,
    protocol: caller.transport,
    id: '',
    query: caller.query,
  });
}

function identityOf(ruling: Ruling, credentials: Credentials): Identity | undefined {
  const { user, any } = credentials;
  if (ruling === 'unknown') {
    if (any) throw new UploadResponseError('INVALID_CREDENTIALS');
    return undefined;
  }
  return {
    subject: user ? `user:${subjectOf(user)}` : undefined,
    account: accountIn(credentials),
    maxBodyBytes: undefined,
    maxStreams: undefined,
    allows: () => ruling === 'allowed',
  };
}

/** By its token, or by the user where there is none but a password. */
function accountIn({ tokens, user, password }: Credentials): string | undefined {
  const [token] = tokens;
  if (token !== undefined && token !== password) return accountOf('asked-token', token);
  return user ? accountOf('asked-user', user) : undefined;
}

function unavailable(detail: string): UploadResponseError {
  return new UploadResponseError('AUTH_UNAVAILABLE', detail);
}
