import type { Action, Caller } from './admission.js';
import type { Credentials } from './credentials.js';

/** Somebody whose credentials are valid, and what these allow. */
export interface Identity {
  /** For logs, and to count streams by: never a secret. */
  readonly subject: string | undefined;
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

const MAX_SUBJECT = 128;

/** A name that somebody else chose, fit for a log line. */
export function subjectOf(text: string): string {
  return text.slice(0, MAX_SUBJECT).replace(/[\p{C}\u2028\u2029]/gu, '?');
}
