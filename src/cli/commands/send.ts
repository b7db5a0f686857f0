import { once } from 'node:events';
import { type Command, Option } from 'commander';
import { humanBytes } from '../../config/units.js';
import { EXIT_CODES, exitCodeOf, exitCodesText } from '../exit-codes.js';
import { CliError } from '../failure.js';
import { ProgressBar } from '../progress-bar.js';
import { readToken } from '../secrets.js';
import { notAUrl, senderFor } from '../senders/route.js';
import type { Answer } from '../senders/sender.js';
import { humanTime, styleFor } from '../terminal.js';

const EXIT_NAMES = [
  ...(['ok', 'failed', 'usage', 'redirect', 'clientError', 'serverError'] as const),
  ...(['unreachable', 'brokenOff', 'interrupted'] as const),
];

interface SendOptions {
  readonly header?: readonly (readonly [string, string])[];
  readonly request?: string;
  readonly fast?: boolean;
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
        'error. URLs: http:// and https://; tcp:// and tls:// for raw bytes; srt:// for ' +
        'files over SRT; rtmp:// and rtmps:// for media (FLV; other files by ' +
        'ffmpeg); whip:// and whips:// for WebRTC data channels.',
    )
    .argument('<file>', 'file to send, - for standard input')
    .argument('<url>', 'where to, such as https://localhost:8443/upload')
    .addOption(
      new Option('-H, --header <name: value>', 'add a request header (repeatable)').argParser(
        collectHeader,
      ),
    )
    .option('-X, --request <method>', 'request method (default: PUT)')
    .option('--token <env:NAME|file>', 'send the token in this variable or file')
    .option('--fast', 'rtmp: as fast as it goes, not at the pace of the time stamps')
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
  upload-response send big.bin tcp://localhost:9700
  upload-response send clip.ts 'srt://localhost:9710?passphrase=...'
  upload-response send clip.mp4 rtmp://localhost/live/stream-key
  tar c folder | upload-response send - http://localhost:8080/upload -H 'content-type: application/x-tar'
${exitCodesText(...EXIT_NAMES)}`,
    )
    .action(send);
}

function collectHeader(
  text: string,
  before: readonly (readonly [string, string])[] = [],
): readonly (readonly [string, string])[] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new CliError(`-H '${text}' is not 'name: value'`, EXIT_CODES.usage.code);
  return [...before, [text.slice(0, colon).trim(), text.slice(colon + 1).trim()]];
}

/** A token that `--token` names. @throws CliError */
function tokenOf({ header = [], token }: SendOptions): string | undefined {
  if (token === undefined) return undefined;
  if (header.some(([name]) => name.toLowerCase() === 'authorization')) {
    throw new CliError('--token and -H authorization exclude each other', EXIT_CODES.usage.code);
  }
  return readToken(token);
}

async function send(file: string, target: string, options: SendOptions): Promise<void> {
  const url = parseUrl(target);
  const token = tokenOf(options);
  const { header = [], request } = options;
  const bearer = token === undefined ? [] : [['authorization', `Bearer ${token}`] as const];
  const headers = [...header, ...bearer];
  const sender = await senderFor(url, header.length > 0, request !== undefined);
  const { openSource } = await import('../senders/source.js');
  const { explain } = await import('../senders/explain.js');
  const source = openSource(file);
  const bar = new ProgressBar(process.stderr, source.size, styleFor(process.stderr));
  const abort = new AbortController();
  const interrupt = () => abort.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const visible = !options.quiet && !options.json;
  try {
    const answer = await sender({
      url,
      source,
      method: request ?? 'PUT',
      headers,
      token,
      insecure: options.insecure ?? false,
      caFile: options.cacert,
      fast: options.fast ?? false,
      signal: abort.signal,
      onSent: (bytes) => (visible ? bar.add(bytes) : bar.count(bytes)),
    });
    try {
      bar.clear();
      if (options.include) printHead(answer);
      await print(answer, bar);
    } catch (error) {
      throw explain(error, url, abort.signal);
    } finally {
      await answer.close();
    }
    bar.clear();
    summarise(answer.status, bar, options);
    process.exitCode = exitCodeOf(answer.status ?? 200);
  } catch (error) {
    bar.clear();
    throw error;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

function parseUrl(text: string): URL {
  if (!/^[a-z]+:\/\//i.test(text) || !URL.canParse(text)) throw notAUrl(text);
  return new URL(text);
}

/** Copies the answer to standard output as it comes, and keeps the bar off unfinished lines. */
async function print(answer: Answer, bar: ProgressBar): Promise<void> {
  const onTerminal = Boolean(process.stdout.isTTY);
  for await (const chunk of answer.body) {
    if (chunk.length === 0) continue;
    if (onTerminal) bar.clear(chunk.at(-1) !== 0x0a);
    if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
  }
}

function printHead(answer: Answer): void {
  if (answer.status === undefined) return;
  process.stderr.write(`HTTP ${answer.status}\n`);
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const one of [value ?? []].flat()) process.stderr.write(`${name}: ${one}\n`);
  }
  process.stderr.write('\n');
}

function summarise(status: number | undefined, bar: ProgressBar, options: SendOptions): void {
  const { bytes, ms, bytesPerSecond } = bar.summary();
  if (options.json) {
    const rounded = { ms: Math.round(ms), bytesPerSecond: Math.round(bytesPerSecond) };
    process.stderr.write(`${JSON.stringify({ event: 'sent', status, bytes, ...rounded })}\n`);
  } else if (!options.quiet) {
    const style = styleFor(process.stderr);
    const text = String(status ?? 'ok');
    const mark = (status ?? 200) < 300 ? style.green(text) : style.red(text);
    const rate = `${humanBytes(bytesPerSecond)}/s`;
    process.stderr.write(`${mark}  sent ${humanBytes(bytes)} in ${humanTime(ms)} (${rate})\n`);
  }
}
