import type { Readable } from 'node:stream';
import { EXIT_CODES } from '../exit-codes.js';
import { CliError } from '../failure.js';

/** What is sent: a file, or standard input. */
export interface Source {
  readonly body: Readable;
  /** Bytes; undefined where nobody knows. */
  readonly size?: number;
  /** Path of the file; undefined for standard input. */
  readonly path?: string;
}

/** One upload. */
export interface SendOptions {
  readonly url: URL;
  readonly source: Source;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  /** A secret. HTTP has it in `headers` already. */
  readonly token: string | undefined;
  readonly insecure: boolean;
  readonly caFile: string | undefined;
  /** Media: not at the pace of its time stamps. */
  readonly fast: boolean;
  readonly onSent: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** The beginning of an answer. */
export interface Answer {
  /** Undefined where the protocol has none. */
  readonly status: number | undefined;
  readonly headers: Record<string, string | string[] | undefined>;
  /** Throws when the answer breaks off. */
  readonly body: AsyncIterable<Buffer>;
  /** Gives the connection back; the answer must have been read, or is not wanted. */
  close(): Promise<void>;
}

/** Sends over one protocol; resolves with the beginning of the answer, which may come while the body is
 *  still being sent. Rejects with a CliError. */
export type Sender = (options: SendOptions) => Promise<Answer>;

/** An error with which the server turned the upload down. */
export function refusal(status: number, text: string): CliError {
  const code = status >= 400 && status < 500 ? EXIT_CODES.clientError : EXIT_CODES.serverError;
  return new CliError(`the server refused: ${text}`, code.code);
}

/** A part of a URL as text. @throws CliError */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // Not quoted: it may be a stream key.
    const remedy = "Write '%' as %25.";
    throw new CliError('the URL cannot be decoded', EXIT_CODES.usage.code, remedy);
  }
}
