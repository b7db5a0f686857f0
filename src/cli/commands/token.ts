import type { Command } from 'commander';
import { ACTIONS } from '../../admission/admission.js';
import { EXIT_CODES, exitCodesText } from '../exit-codes.js';
import { CliError } from '../failure.js';
import { readSecretLine } from '../secrets.js';

interface TokenOptions {
  readonly name: string;
  readonly path: string;
  readonly action: readonly string[];
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
    .description(
      'Read a token that you chose from standard input, and print its entry. A terminal does not ' +
        'show what is typed.',
    );
  for (const command of [create, hash]) {
    command
      .option('--name <name>', 'name of whoever gets the token, for logs', 'my-client')
      .option('--path <pattern>', 'where it may do that: /a/b, /a/* or ~regex', '*')
      .option('--action <actions...>', `what it may do there: ${ACTIONS.join(', ')}`, ['publish'])
      .option('--json', 'as one line of JSON')
      .addHelpText('after', exitCodesText('ok', 'usage'));
  }
  create.action(async (options: TokenOptions) => {
    const { createToken } = await import('../../admission/index.js');
    const { token: made, hash: hashed } = createToken();
    await print(options, hashed, made);
  });
  hash.action(async (options: TokenOptions) => {
    const { hashChosenToken } = await import('../../admission/index.js');
    await print(options, await hashChosenToken(await readToken()));
  });
}

async function print(options: TokenOptions, hash: string, token?: string): Promise<void> {
  const { name, path, action: actions, json } = options;
  const entry = { name, hash, permissions: actions.map((action) => ({ action, path })) };
  await check(entry);
  if (json) {
    process.stdout.write(`${JSON.stringify({ token, entry })}\n`);
    return;
  }
  if (token !== undefined) {
    process.stdout.write(`${token}\n`);
    process.stderr.write('That is the token; it is stored nowhere. Its entry:\n\n');
  }
  const lines = entry.permissions.map(
    (one) => `        - { action: ${one.action}, path: ${JSON.stringify(path)} }\n`,
  );
  process.stdout.write(
    `auth:\n  tokens:\n    - name: ${JSON.stringify(name)}\n      hash: ${hash}\n` +
      `      permissions:\n${lines.join('')}`,
  );
}

/** Before it is printed: nobody can look into a hash for what the server would refuse. */
async function check(entry: object): Promise<void> {
  const { tokenSchema } = await import('../../admission/schemes-config.js');
  const [issue] = tokenSchema.safeParse(entry).error?.issues ?? [];
  if (!issue) return;
  const flag = ['name', 'path', 'action'].find((one) => issue.path.includes(one));
  throw new CliError(`--${flag}: ${issue.message}`, EXIT_CODES.usage.code);
}

/** An argument would be seen in the list of processes. */
async function readToken(): Promise<string> {
  const line = await readSecretLine('Token: ');
  if (line.length > 0 && line.length <= MAX_INPUT_BYTES) return line;
  throw new CliError(
    'standard input holds no token',
    EXIT_CODES.usage.code,
    "Such as: printf %s 'my token' | upload-response token hash",
  );
}
