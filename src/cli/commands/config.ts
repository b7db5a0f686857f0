import type { Command } from 'commander';
import type { FlagOverride } from '../../config/index.js';
import { EXIT_CODES, exitCodesText } from '../exit-codes.js';
import { CliError } from '../failure.js';
import { addConfigOptions, flagOverrides } from '../options.js';
import { styleFor } from '../terminal.js';

interface PrintOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** Adds `config print` and `config keys` to the program. */
export function addConfig(program: Command, dotted: readonly FlagOverride[]): void {
  const config = program
    .command('config')
    .summary('show, check or write the configuration')
    .description('Shows what would be in force, or everything that can be configured.');
  const print = config
    .command('print', { isDefault: true })
    .description('Check the configuration and print it with defaults filled in, as YAML.')
    .option('--json', 'as JSON')
    .allowExcessArguments();
  addConfigOptions(print)
    .addHelpText(
      'after',
      `
Examples:
  upload-response config print --config production.yaml
  UR_LIMITS_MAX_BODY_BYTES=1GB upload-response config print --json
${exitCodesText('ok', 'usage')}`,
    )
    .action((options: PrintOptions, { args: [unknown] }: Command) => {
      // It is the default: what is no command comes here.
      if (unknown !== undefined) throw unknownCommand(unknown, config);
      return printConfig(options, dotted);
    });
  config
    .command('keys')
    .description('List every key with its variable, its flag, its default and what it accepts.')
    .option('--json', 'as JSON')
    .option('--markdown', 'as the table of docs/configuration.md')
    .action(printKeys);
  config
    .command('example')
    .description('Print a commented configuration file with every key and its default.')
    .action(printExample);
}

function unknownCommand(word: string, { commands }: Command): CliError {
  const names = commands.map((command) => command.name());
  return new CliError(
    `'config' has no command '${word}'`,
    EXIT_CODES.usage.code,
    `There are ${names.join(', ')}.`,
  );
}

async function printConfig(options: PrintOptions, dotted: readonly FlagOverride[]): Promise<void> {
  const { loadConfig, redact } = await import('../../config/index.js');
  const { stringify } = await import('yaml');
  const loaded = loadConfig({ file: options.config, flags: flagOverrides({ ...options }, dotted) });
  const shown = redact(loaded.config);
  if (options.json) process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
  else process.stdout.write(`# ${loaded.file ?? 'no file'}\n${stringify(shown)}`);
}

async function printExample(): Promise<void> {
  const { configExample } = await import('../../config/index.js');
  process.stdout.write(configExample());
}

async function printKeys(options: { json?: boolean; markdown?: boolean }): Promise<void> {
  const { configKeys, configTable } = await import('../../config/index.js');
  const keys = configKeys();
  if (options.markdown) {
    process.stdout.write(`${configTable()}\n`);
    return;
  }
  if (options.json) {
    process.stdout.write(`${JSON.stringify(keys, null, 2)}\n`);
    return;
  }
  const style = styleFor(process.stdout);
  for (const key of keys) {
    const preset = key.default === undefined ? '' : `  default ${JSON.stringify(key.default)}`;
    process.stdout.write(
      `${style.bold(key.name)}  ${key.env}  ${key.flag}\n` +
        `    ${key.description}\n    accepted: ${key.accepted}${preset}\n`,
    );
  }
}
