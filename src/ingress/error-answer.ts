import type { ErrorCode, UploadResponseError } from '../errors/index.js';
import type { Header } from '../protocols/hpks/index.js';

/** An error as an HTTP response, whichever version of HTTP carries it. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: string;
}

/** A required observer's refusal. */
export interface Veto {
  /** 0: the observer gave none. */
  readonly status: number;
  readonly reason: string;
}

const RETRY_AFTER_SECONDS = 1;

/** What a client may try again as it stands. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NO_FREE_STREAM',
  'NO_FREE_READER',
  'NO_WORKER',
  'OUT_OF_MEMORY',
  'SHUTTING_DOWN',
  'SERVER_GONE',
  'AUTH_UNAVAILABLE',
  'TOO_MANY_REQUESTS',
  'TOO_MANY_STREAMS',
  'TOO_MANY_CONNECTIONS',
  'MEMORY_LIMIT',
  'BACKLOG_LIMIT',
]);

const REALM = 'Bearer realm="upload-response"';

/** What RFC 9110 section 11.6.1 wants of a 401, in the words of RFC 6750 section 3.1. */
const CHALLENGES: Partial<Record<ErrorCode, string>> = {
  // Without an error code: the request had no credentials.
  UNAUTHENTICATED: REALM,
  INVALID_CREDENTIALS: `${REALM}, error="invalid_token"`,
  FORBIDDEN: `${REALM}, error="insufficient_scope"`,
};

/** The response for an error: `{error, message, remedy}`, and for a veto the observer's `reason`. */
export function errorAnswer(error: UploadResponseError, veto?: Veto): ErrorAnswer {
  const { code, message, remedy } = error;
  const body = `${JSON.stringify({ error: code, message, remedy, reason: veto?.reason })}\n`;
  const headers: Header[] = [
    ['content-type', 'application/json; charset=utf-8'],
    ['content-length', String(Buffer.byteLength(body))],
  ];
  const { retryAfterSeconds = RETRY_AFTER_SECONDS } = error;
  if (RETRYABLE.has(code)) headers.push(['retry-after', String(retryAfterSeconds)]);
  const challenge = CHALLENGES[code];
  if (challenge) headers.push(['www-authenticate', challenge]);
  return { status: vetoStatus(veto) ?? error.httpStatus, headers, body };
}

/** An observer can refuse, not answer in the worker's place. */
function vetoStatus(veto: Veto | undefined): number | undefined {
  const status = veto?.status ?? 0;
  return status >= 400 && status <= 599 ? status : undefined;
}
