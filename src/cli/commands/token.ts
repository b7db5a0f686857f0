import type { Command } from 'commander';
import { EXIT_CODES, exitCodesText } from '../exit-codes.js';
import { CliError } from '../failure.js';

interface TokenOptions {
  readonly name: string;
  readonly path: string;
  readonly json?: boolean;
}

const MAX_INPUT_BYTES = 4096;

/** Adds `token create` and `token hash` to the program. */
export function addToken(program: Command): void {
  const token = program
    .command('token')
    .summary('make a token for auth.tokens')
    .description('Makes an entry of auth.tokens: the configuration holds only a hash.');
  const create = token
    .command('create')
    .description('Print a new random token, once, and the entry of auth.tokens for it.');
  const hash = token
    .command('hash')
    .description('Read a token that you chose from standard input, and print its entry.');
  for (const command of [create, hash]) {
    command
      .option('--name <name>', 'name of whoever gets the token, for logs', 'my-client')
      .option('--path <pattern>', 'where it may upload: /a/b, /a/* or ~regex', '*')
      .option('--json', 'as one line of JSON')
      .addHelpText('after', exitCodesText('ok', 'usage'));
  }
  create.action(async (options: TokenOptions) => {
    const { createToken } = await import('../../admission/index.js');
    const made = createToken();
    print(options, made.hash, made.token);
  });
  hash.action(async (options: TokenOptions) => {
    const { hashChosenToken } = await import('../../admission/index.js');
    print(options, await hashChosenToken(await readToken()));
  });
}

function print({ name, path, json }: TokenOptions, hash: string, token?: string): void {
  const entry = { name, hash, permissions: [{ action: 'publish', path }] };
  if (json) {
    process.stdout.write(`${JSON.stringify({ token, entry })}\n`);
    return;
  }
  if (token !== undefined) {
    process.stdout.write(`${token}\n`);
    process.stderr.write('That is the token; it is stored nowhere. Its entry:\n\n');
  }
  const quoted = JSON.stringify(path);
  process.stdout.write(
    `auth:\n  tokens:\n    - name: ${JSON.stringify(name)}\n      hash: ${hash}\n` +
      `      permissions: [{ action: publish, path: ${quoted} }]\n`,
  );
}

/** The first line of standard input: an argument would be seen in the list of processes. */
async function readToken(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write('Token: ');
  let text = '';
  for await (const chunk of process.stdin) {
    text += chunk;
    if (text.includes('\n') || text.length > MAX_INPUT_BYTES) break;
  }
  const [line = ''] = text.split(/\r?\n/);
  if (line === '' || line.length > MAX_INPUT_BYTES) {
    throw new CliError(
      'standard input holds no token',
      EXIT_CODES.usage.code,
      "Such as: printf %s 'my token' | upload-response token hash",
    );
  }
  return line;
}
