import { type ErrorCode, UploadResponseError } from '../errors/index.js';
import { EXIT_CODES } from './exit-codes.js';
import { styleFor } from './terminal.js';

/** Ends the command with an exit code and a message that is already meant for people. */
export class CliError extends Error {
  constructor(
    message: string,
    readonly exitCode: number = EXIT_CODES.failed.code,
    readonly remedy?: string,
  ) {
    super(message);
  }
}

const CODES: Partial<Record<ErrorCode, number>> = {
  INVALID_CONFIG: EXIT_CODES.usage.code,
  INVALID_GEOMETRY: EXIT_CODES.usage.code,
  INVALID_SOCKET_PATH: EXIT_CODES.usage.code,
  INVALID_WORKER_MODULE: EXIT_CODES.usage.code,
  WORKER_MODULE_FAILED: EXIT_CODES.usage.code,
  SERVER_GONE: EXIT_CODES.unreachable.code,
};

/** The exit code for whatever a command threw. */
export function exitCodeFor(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof UploadResponseError) return CODES[error.code] ?? EXIT_CODES.failed.code;
  return EXIT_CODES.failed.code;
}

/** Prints an error for people, or as one line of JSON, on standard error. */
export function reportFailure(error: unknown, json: boolean): void {
  const known = error instanceof CliError || error instanceof UploadResponseError;
  const message = error instanceof Error ? error.message : String(error);
  const remedy = known ? error.remedy : undefined;
  const code = error instanceof UploadResponseError ? error.code : undefined;
  if (json) {
    process.stderr.write(`${JSON.stringify({ event: 'error', code, message, remedy })}\n`);
    return;
  }
  const style = styleFor(process.stderr);
  process.stderr.write(`${style.red('upload-response:')} ${message}\n`);
  if (remedy) process.stderr.write(`${style.dim(remedy)}\n`);
  if (!known && error instanceof Error && error.stack && process.env.DEBUG) {
    process.stderr.write(`${error.stack}\n`);
  }
}
