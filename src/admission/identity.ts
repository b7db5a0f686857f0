import { createHash } from 'node:crypto';
import type { Action, Caller } from './admission.js';
import type { Credentials } from './credentials.js';

/** Somebody whose credentials are valid, and what these allow. */
export interface Identity {
  /** For logs: never a secret. What others chose has a prefix, so that it is nobody's of `auth.tokens`. */
  readonly subject: string | undefined;
  /** What its streams are counted by; made by `accountOf`. Undefined: they are not. */
  readonly account: string | undefined;
  readonly maxBodyBytes: number | undefined;
  /** Streams at once, instead of `limits.maxStreamsPerSubject`. */
  readonly maxStreams: number | undefined;
  allows(action: Action, caller: Caller): boolean;
}

/** One way to know somebody. */
export interface Authenticator {
  /**
   * Who it is. Undefined: there are no credentials of this kind, or they are not known here. A promise
   * only where something has to be waited for. Throws or rejects with an UploadResponseError where
   * credentials of this kind are wrong, or cannot be checked now.
   */
  identify(
    action: Action,
    caller: Caller,
    credentials: Credentials,
  ): Identity | undefined | Promise<Identity | undefined>;
}

/** A short name, for counting, of what identifies somebody within its kind. */
export function accountOf(kind: string, text: string): string {
  return `${kind}:${createHash('sha256').update(text).digest('base64')}`;
}

const MAX_SUBJECT = 128;

/** A name that somebody else chose, fit for a log line. */
export function subjectOf(text: string): string {
  return text.slice(0, MAX_SUBJECT).replace(/[\p{C}\u2028\u2029]/gu, '?');
}
