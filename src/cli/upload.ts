import { createReadStream, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { Agent, errors, request } from 'undici';
import { EXIT_CODES } from './exit-codes.js';
import { CliError } from './failure.js';

export interface UploadOptions {
  readonly url: URL;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Readable;
  /** Bytes of the body; undefined sends it chunked. */
  readonly size: number | undefined;
  readonly insecure: boolean;
  readonly caFile: string | undefined;
  readonly onSent: (bytes: number) => void;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Readable;
  /** Gives the connection back; the answer must have been read. */
  close(): Promise<void>;
}

/** What is sent: a file with its size, or standard input. @throws CliError */
export function openSource(file: string): { readonly body: Readable; readonly size?: number } {
  if (file === '-') return { body: process.stdin };
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    throw new CliError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, 2);
  }
  const stat = fstatSync(fd);
  if (stat.isDirectory()) throw new CliError(`${file} is a folder`, 2);
  const body = createReadStream('', { fd, highWaterMark: 256 * 1024 });
  // A pipe or device (<(command), /dev/zero) has no size that could be promised.
  return stat.isFile() ? { body, size: stat.size } : { body };
}

/** Sends the request; resolves with the head of the answer, which may come while the body is still
 *  being sent. @throws CliError */
export async function upload(options: UploadOptions): Promise<Answer> {
  const { url, method, body, size } = options;
  const agent = new Agent({
    // The server has time-outs for every phase; a second set here would only cut long uploads.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: 10_000,
      rejectUnauthorized: !options.insecure,
      ...(options.caFile === undefined ? {} : { ca: readCertificate(options.caFile) }),
    },
  });
  body.on('data', (chunk: Buffer) => options.onSent(chunk.length));
  body.pause();
  const headers = Object.fromEntries(groupHeaders(options.headers));
  if (size !== undefined) headers['content-length'] = String(size);
  try {
    const answer = await request(url, {
      method: method as 'PUT',
      headers,
      body: size === 0 ? Buffer.alloc(0) : body,
      dispatcher: agent,
      signal: options.signal,
    });
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: answer.body,
      close: async () => {
        body.destroy();
        await agent.destroy();
      },
    };
  } catch (error) {
    body.destroy();
    await agent.destroy();
    throw explain(error, url, options.signal);
  }
}

function readCertificate(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CliError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, 2);
  }
}

function groupHeaders(
  headers: readonly (readonly [string, string])[],
): Map<string, string | string[]> {
  const grouped = new Map<string, string | string[]>();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const before = grouped.get(key);
    grouped.set(key, before === undefined ? value : [before, value].flat());
  }
  return grouped;
}

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALTNAME/;

/** The failed connection in the words of the person who sent. */
export function explain(error: unknown, url: URL, signal: AbortSignal): CliError {
  if (error instanceof CliError) return error;
  if (signal.aborted) return new CliError('interrupted', EXIT_CODES.interrupted.code);
  const cause = (error as { cause?: unknown }).cause;
  const { code = '', message } = (
    error instanceof AggregateError ? error.errors[0] : (cause ?? error)
  ) as NodeJS.ErrnoException;
  if (UNREACHABLE.has(code) || error instanceof errors.ConnectTimeoutError) {
    return new CliError(
      `nobody answers at ${url.origin} (${code || 'time-out'})`,
      EXIT_CODES.unreachable.code,
      "Is the server running? 'upload-response serve' prints its URLs.",
    );
  }
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') {
    return new CliError(`the request cannot be sent: ${message}`, EXIT_CODES.usage.code);
  }
  if (CERTIFICATE.test(code)) {
    return new CliError(
      `the certificate of ${url.origin} is not trusted (${code})`,
      EXIT_CODES.failed.code,
      'Name the certificate with --cacert, or use -k on your own machine.',
    );
  }
  if (/EPROTO|ERR_SSL|WRONG_VERSION/.test(code)) {
    return new CliError(`${url.origin} does not speak TLS (${code})`, EXIT_CODES.failed.code);
  }
  return new CliError(
    `the connection to ${url.origin} broke off: ${message}`,
    EXIT_CODES.brokenOff.code,
  );
}
