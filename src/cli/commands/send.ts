import { once } from 'node:events';
import type { Command } from 'commander';
import { humanBytes } from '../../config/units.js';
import { EXIT_CODES, exitCodeOf, exitCodesText } from '../exit-codes.js';
import { CliError } from '../failure.js';
import { ProgressBar } from '../progress-bar.js';
import { readToken } from '../secrets.js';
import { humanTime, styleFor } from '../terminal.js';
import type { Answer } from '../upload.js';

const EXIT_NAMES = [
  ...(['ok', 'redirect', 'clientError', 'serverError'] as const),
  ...(['unreachable', 'brokenOff', 'usage', 'interrupted'] as const),
];

interface SendOptions {
  readonly header: readonly (readonly [string, string])[];
  readonly request: string;
  readonly token?: string;
  readonly insecure?: boolean;
  readonly cacert?: string;
  readonly include?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** Adds `send` to the program. */
export function addSend(program: Command): void {
  program
    .command('send')
    .summary('send a file and print the answer as it comes')
    .description(
      'Streams a file (or - for standard input) to a URL and prints the answer on standard output ' +
        'as it arrives, which may be while the file is still being sent. Progress goes to standard ' +
        'error.',
    )
    .argument('<file>', 'file to send, - for standard input')
    .argument('<url>', 'where to, such as https://localhost:8443/upload')
    .option('-H, --header <name: value>', 'add a request header (repeatable)', collectHeader, [])
    .option('-X, --request <method>', 'request method', 'PUT')
    .option('--token <env:NAME|file>', 'send the token in this variable or file as Bearer token')
    .option('-k, --insecure', 'accept any certificate')
    .option('--cacert <file>', 'trust this certificate (PEM)')
    .option('-i, --include', 'print status and headers of the answer on standard error')
    .option('-q, --quiet', 'no progress and no summary')
    .option('--json', 'summary as one line of JSON on standard error')
    .addHelpText(
      'after',
      `
Examples:
  upload-response send -k big.bin https://localhost:8443/upload
  upload-response send big.bin https://example.com/upload --token env:UPLOAD_TOKEN
  tar c folder | upload-response send - http://localhost:8080/upload -H 'content-type: application/x-tar'
${exitCodesText(...EXIT_NAMES)}`,
    )
    .action(send);
}

function collectHeader(
  text: string,
  before: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new CliError(`-H '${text}' is not 'name: value'`, EXIT_CODES.usage.code);
  return [...before, [text.slice(0, colon).trim(), text.slice(colon + 1).trim()]];
}

function headersOf({ header, token }: SendOptions): readonly (readonly [string, string])[] {
  if (token === undefined) return header;
  if (header.some(([name]) => name.toLowerCase() === 'authorization')) {
    throw new CliError('--token and -H authorization exclude each other', EXIT_CODES.usage.code);
  }
  return [...header, ['authorization', `Bearer ${readToken(token)}`]];
}

async function send(file: string, target: string, options: SendOptions): Promise<void> {
  const url = parseUrl(target);
  const headers = headersOf(options);
  const { explain, openSource, upload } = await import('../upload.js');
  const source = openSource(file);
  const bar = new ProgressBar(process.stderr, source.size, styleFor(process.stderr));
  const abort = new AbortController();
  const interrupt = () => abort.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const visible = !options.quiet && !options.json;
  try {
    const answer = await upload({
      url,
      method: options.request,
      headers,
      body: source.body,
      size: source.size,
      insecure: options.insecure ?? false,
      caFile: options.cacert,
      signal: abort.signal,
      onSent: (bytes) => (visible ? bar.add(bytes) : bar.count(bytes)),
    });
    bar.clear();
    if (options.include) printHead(answer);
    try {
      await print(answer, bar);
    } catch (error) {
      throw explain(error, url, abort.signal);
    } finally {
      await answer.close();
    }
    bar.clear();
    summarise(answer.status, bar, options);
    process.exitCode = exitCodeOf(answer.status);
  } catch (error) {
    bar.clear();
    throw error;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new CliError(
    `'${text}' is not an http:// or https:// URL`,
    EXIT_CODES.usage.code,
    'Such as https://localhost:8443/upload',
  );
}

/** Copies the answer to standard output as it comes, and keeps the bar off unfinished lines. */
async function print(answer: Answer, bar: ProgressBar): Promise<void> {
  const onTerminal = Boolean(process.stdout.isTTY);
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    if (chunk.length === 0) continue;
    if (onTerminal) bar.clear(chunk.at(-1) !== 0x0a);
    if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
  }
}

function printHead(answer: Answer): void {
  process.stderr.write(`HTTP ${answer.status}\n`);
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const one of [value ?? []].flat()) process.stderr.write(`${name}: ${one}\n`);
  }
  process.stderr.write('\n');
}

function summarise(status: number, bar: ProgressBar, options: SendOptions): void {
  const { bytes, ms, bytesPerSecond } = bar.summary();
  if (options.json) {
    const rounded = { ms: Math.round(ms), bytesPerSecond: Math.round(bytesPerSecond) };
    process.stderr.write(`${JSON.stringify({ event: 'sent', status, bytes, ...rounded })}\n`);
  } else if (!options.quiet) {
    const style = styleFor(process.stderr);
    const mark = status < 300 ? style.green(String(status)) : style.red(String(status));
    const rate = `${humanBytes(bytesPerSecond)}/s`;
    process.stderr.write(`${mark}  sent ${humanBytes(bytes)} in ${humanTime(ms)} (${rate})\n`);
  }
}
