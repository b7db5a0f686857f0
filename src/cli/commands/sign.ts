import { type Command, Option } from 'commander';
import type { FlagOverride } from '../../config/index.js';
import { EXIT_CODES, exitCodesText } from '../exit-codes.js';
import { CliError } from '../failure.js';
import { addConfigOptions, duration, flagOverrides, size } from '../options.js';
import { readSecret } from '../secrets.js';

interface SignOptions {
  readonly config?: string;
  readonly keyId?: string;
  readonly secret?: string;
  readonly request: string;
  readonly expiresIn: number;
  readonly maxBytes?: number;
}

/** Adds `sign` to the program. */
export function addSign(program: Command, dotted: readonly FlagOverride[]): void {
  const command = program
    .command('sign')
    .summary('sign a URL that somebody may upload to')
    .description(
      'Prints the URL with a signature by a key of auth.signedUrls.keys. Whoever has it can upload ' +
        'there until it expires, with this method and no other. With --secret no configuration is ' +
        'needed.',
    )
    .argument('<url>', 'where to upload, such as https://example.com/upload/a')
    .option('--key-id <id>', 'which key; the first one without it')
    .option('--secret <env:NAME|file>', 'secret of the key, in this variable or file')
    .option('-X, --request <method>', 'request method; GET for a WebSocket', 'PUT')
    .addOption(
      new Option('--expires-in <duration>', 'how long from now')
        .argParser(duration)
        .default(3.6e6, '1h'),
    )
    .addOption(new Option('--max-bytes <size>', 'largest body, such as 100MB').argParser(size));
  addConfigOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  upload-response sign https://example.com/upload/a --expires-in 10m --max-bytes 1GB
  upload-response sign https://example.com/upload/a --key-id app --secret env:SIGNING_SECRET
${exitCodesText('ok', 'usage')}`,
    )
    .action((url: string, options: SignOptions) => sign(url, options, dotted));
}

async function sign(
  url: string,
  options: SignOptions,
  dotted: readonly FlagOverride[],
): Promise<void> {
  if (!URL.canParse(url)) throw usage(`'${url}' is no URL`, 'Such as https://example.com/upload/a');
  const { signUploadUrl } = await import('../../admission/index.js');
  const key = await keyOf(options, dotted);
  const signed = signUploadUrl({
    url,
    method: options.request,
    keyId: key.id,
    secret: key.secret,
    expires: new Date(Date.now() + options.expiresIn),
    ...(options.maxBytes !== undefined && { maxBytes: options.maxBytes }),
  });
  process.stdout.write(`${signed}\n`);
}

async function keyOf(
  options: SignOptions,
  dotted: readonly FlagOverride[],
): Promise<{ readonly id: string; readonly secret: string }> {
  const { keyId, secret } = options;
  if (secret !== undefined) {
    if (keyId === undefined) throw usage('--secret needs --key-id', 'Name the key it is of.');
    const { signingKeySchema } = await import('../../admission/schemes-config.js');
    const read = { id: keyId, secret: readSecret('--secret', secret) };
    const [issue] = signingKeySchema.safeParse(read).error?.issues ?? [];
    if (!issue) return read;
    const flag = issue.path.includes('id') ? '--key-id' : '--secret';
    throw usage(`${flag}: ${issue.message}`, 'It is the one of auth.signedUrls.keys.');
  }
  const { loadConfig } = await import('../../config/index.js');
  const flags = flagOverrides({ ...options }, dotted);
  const { keys } = loadConfig({ file: options.config, flags }).config.auth.signedUrls;
  const key = keyId === undefined ? keys[0] : keys.find(({ id }) => id === keyId);
  if (key) return key;
  const ids = keys.map(({ id }) => id).join(', ') || 'none';
  throw usage(
    `auth.signedUrls.keys has no such key; there: ${ids}`,
    'Add it to the configuration, or give --key-id and --secret.',
  );
}

function usage(message: string, remedy: string): CliError {
  return new CliError(message, EXIT_CODES.usage.code, remedy);
}
