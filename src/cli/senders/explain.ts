import { EXIT_CODES } from '../exit-codes.js';
import { CliError } from '../failure.js';

const UNREACHABLE = new Set([
  ...['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['UND_ERR_CONNECT_TIMEOUT', 'CONNECT_TIMEOUT'],
]);
const TIMED_OUT = /CONNECT_TIMEOUT/;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALTNAME/;

/** The failed connection in the words of the person who sent. */
export function explain(error: unknown, url: URL, signal: AbortSignal): CliError {
  if (error instanceof CliError) return error;
  if (signal.aborted) return new CliError('interrupted', EXIT_CODES.interrupted.code);
  // Without path and query: those may be secrets.
  const place = `${url.protocol}//${url.host}`;
  const cause = (error as { cause?: unknown }).cause;
  const { code = '', message } = (
    error instanceof AggregateError ? error.errors[0] : (cause ?? error)
  ) as NodeJS.ErrnoException;
  if (UNREACHABLE.has(code)) {
    return new CliError(
      `nobody answers at ${place} (${TIMED_OUT.test(code) ? 'time-out' : code})`,
      EXIT_CODES.unreachable.code,
      "Is the server running? 'upload-response serve' prints its URLs.",
    );
  }
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') {
    return new CliError(`the request cannot be sent: ${message}`, EXIT_CODES.usage.code);
  }
  if (CERTIFICATE.test(code)) {
    return new CliError(
      `the certificate of ${place} is not trusted (${code})`,
      EXIT_CODES.failed.code,
      'Name the certificate with --cacert, or use -k on your own machine.',
    );
  }
  if (/EPROTO|ERR_SSL|WRONG_VERSION/.test(code)) {
    return new CliError(`${place} does not speak TLS (${code})`, EXIT_CODES.failed.code);
  }
  return new CliError(
    `the connection to ${place} broke off: ${message}`,
    EXIT_CODES.brokenOff.code,
  );
}
