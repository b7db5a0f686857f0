import type { ErrorCode } from '../errors/index.js';

/** `completed`: the whole response went to the client; otherwise why not. */
export type Outcome = 'completed' | ErrorCode;

/** What is known of a stream at its end. Times in milliseconds since it was opened, undefined for what
 *  never happened. */
export interface ExchangeSummary {
  readonly stream: number;
  readonly transport: string;
  /** Name of whoever sent it; never a secret. */
  readonly subject: string | undefined;
  readonly method: string;
  /** Without what may be a secret: see `publicPath`. */
  readonly path: string;
  readonly outcome: Outcome;
  /** What failed, in words. */
  readonly error: string | undefined;
  /** Of the response, or of the error that was answered in its place. */
  readonly status: number | undefined;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** The request was complete. */
  readonly requestMs: number | undefined;
  /** The first byte of the worker's answer was there. */
  readonly firstWorkerByteMs: number | undefined;
  /** The transport was given the head of the response. */
  readonly headMs: number | undefined;
  readonly totalMs: number;
  /** Workers that the request was given to, one after the other. */
  readonly attempts: number;
  /** Who answered, or was the last that was to. */
  readonly worker: string | undefined;
}

/** The fields of a stream's line in the log: always the same keys, null for what is not known. */
export function logFields(summary: ExchangeSummary): Record<string, unknown> {
  return {
    stream: summary.stream,
    transport: summary.transport,
    subject: summary.subject ?? null,
    method: summary.method,
    path: summary.path,
    outcome: summary.outcome,
    error: summary.error ?? null,
    status: summary.status ?? null,
    receivedBytes: summary.receivedBytes,
    sentBytes: summary.sentBytes,
    requestMs: rounded(summary.requestMs),
    firstWorkerByteMs: rounded(summary.firstWorkerByteMs),
    headMs: rounded(summary.headMs),
    totalMs: rounded(summary.totalMs),
    attempts: summary.attempts,
    worker: summary.worker ?? null,
  };
}

function rounded(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 1000) / 1000;
}
