import { codeOf, ERRORS, type ErrorCode } from './codes.gen.js';

export { codeOf, ERRORS, type ErrorCode };

/** The one error of the project. Match `code`; the message and the remedy are for people. */
export class UploadResponseError extends Error {
  override readonly name = 'UploadResponseError';
  /** Stable; see docs/errors.md. */
  readonly code: ErrorCode;
  /** The number of the error table; a native result is its negative. */
  readonly number: number;
  /** The HTTP status for a client whose response has not begun. */
  readonly httpStatus: number;
  /** What the person who sees the error can do. */
  readonly remedy: string;
  /** When to try again, where that is known: seconds from now. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    detail?: string,
    options?: { readonly cause?: unknown; readonly retryAfterSeconds?: number },
  ) {
    const entry = ERRORS[code];
    const gap = detail?.startsWith('\n') ? '' : ' ';
    super(detail ? `${entry.text}:${gap}${detail}` : entry.text, options);
    this.code = code;
    this.number = entry.number;
    this.httpStatus = entry.http;
    this.remedy = entry.remedy;
    this.retryAfterSeconds = options?.retryAfterSeconds;
  }
}

/** The error for a negative native result. */
export function errorOf(result: number, detail?: string): UploadResponseError {
  const code = codeOf(-result);
  if (code !== undefined) return new UploadResponseError(code, detail);
  const unknown = `unknown native result ${result}`;
  return new UploadResponseError('ABI_MISMATCH', detail ? `${unknown}: ${detail}` : unknown);
}

/** The error for what the addon threw: an Error whose `number` is a table number. */
export function fromNative(error: unknown): UploadResponseError {
  if (error instanceof UploadResponseError) return error;
  const { number, message } = error as { number?: number; message?: string };
  const code = codeOf(number ?? 0) ?? 'SYSTEM';
  return new UploadResponseError(code, message, { cause: error });
}

/** Passes a native result on, or throws the error that a negative one stands for. */
export function throwIfError(result: number, detail?: string): number {
  if (result < 0) throw errorOf(result, detail);
  return result;
}
