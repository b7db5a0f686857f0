import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { EXIT_CODES } from './exit-codes.js';
import { CliError } from './failure.js';

const MAX_BYTES = 16_384;
/** What RFC 6750 section 2.1 lets a Bearer token be made of. */
const BEARER = /^[A-Za-z0-9._~+/=-]+$/;

/**
 * The token that `--token` names: `env:NAME` or the path of a file, never the token itself, since
 * arguments are seen in the list of processes. @throws CliError; it quotes neither source nor content
 */
export function readToken(source: string): string {
  const token = readSecret('--token', source);
  if (token.length <= MAX_BYTES && BEARER.test(token)) return token;
  throw usage('--token', 'what it names holds no token that a request can carry');
}

/** The same for any secret and its flag. Without the spaces and line ends around it. */
export function readSecret(flag: string, source: string): string {
  if (source.startsWith('env:')) {
    const text = process.env[source.slice(4)];
    if (text !== undefined) return text.trim();
    throw usage(flag, 'the environment has no such variable');
  }
  try {
    return readFileSync(source, 'utf8').trim();
  } catch (error) {
    throw usage(flag, `the file cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function usage(flag: string, what: string): CliError {
  const remedy = `${flag} takes env:NAME or the path of a file, and not the secret itself.`;
  return new CliError(`${flag}: ${what}`, EXIT_CODES.usage.code, remedy);
}

/** The first line of standard input, '' where there is none; a terminal does not show what is typed. */
export async function readSecretLine(prompt: string): Promise<string> {
  const { stdin } = process;
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: nowhere, terminal: stdin.isTTY });
  // From here on nothing is shown.
  if (stdin.isTTY) process.stderr.write(prompt);
  try {
    return await new Promise<string>((resolve, reject) => {
      let size = 0;
      stdin.on('data', (chunk) => {
        size += chunk.length;
        if (size > MAX_BYTES) resolve('');
      });
      lines.once('line', resolve).once('close', () => resolve(''));
      lines.once('SIGINT', () => {
        reject(new CliError('interrupted', EXIT_CODES.interrupted.code));
      });
    });
  } finally {
    lines.close();
    stdin.destroy();
    if (stdin.isTTY) process.stderr.write('\n');
  }
}
