import { type Command, InvalidArgumentError, Option } from 'commander';
import type { FlagOverride } from '../config/index.js';
import { parseDuration, parseSize } from '../config/units.js';

/** `--socket`, as every command that talks to a running server has it. */
export function socketOption(): Option {
  return new Option('--socket <path>', 'control socket of the server').env('UR_SOCKET');
}

/** A whole number for commander, from `least` on. */
export function count(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Accepted: an integer of at least ${least}.`);
  };
}

/** A duration such as 500ms or 30s for commander, in milliseconds. */
export function duration(text: string): number {
  const value = parseDuration(text);
  if (value !== undefined && value < 2 ** 31) return value;
  throw new InvalidArgumentError('Accepted: a duration such as 500ms, 30s or 5m.');
}

/** A size such as 64KB or 1GB for commander, in bytes. */
export function size(text: string): number {
  const value = parseSize(text);
  if (value !== undefined && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('Accepted: a size such as 65536, 64KB or 1.5GB.');
}

/** The flags that stand for one configuration key each, beside `--set` and `--a.b.c`. */
const NAMED_FLAGS: readonly (readonly [flag: string, key: string, what: string])[] = [
  ['--host <address>', 'http.host', 'address to listen on'],
  ['--port <number>', 'http.port', 'port without TLS, 0 = a free one'],
  ['--tls-port <number>', 'http.tls.port', 'port with TLS, 0 = a free one'],
  ['--cert <file>', 'http.tls.certFile', 'certificate chain (PEM)'],
  ['--key <file>', 'http.tls.keyFile', 'private key (PEM)'],
  ['--prefix <path>', 'http.prefix', 'path whose requests become streams'],
  ['-p, --processes <number>', 'server.processes', 'server processes on the same ports'],
  ['--socket <path>', 'segment.socket', 'control socket for workers'],
  ['--memory <kind>', 'segment.memory', 'fixed or elastic'],
  ['--log-level <level>', 'log.level', 'trace, debug, info, warn, error, fatal or silent'],
];

const CONFIG_GROUP = 'Configuration:';

/** Adds `--config`, the named flags and `--set` to a command that reads the configuration. */
export function addConfigOptions(command: Command): Command {
  command.addOption(
    new Option('-c, --config <file>', 'configuration file (YAML)')
      .env('UR_CONFIG')
      .helpGroup(CONFIG_GROUP),
  );
  for (const [flag, key, what] of NAMED_FLAGS) {
    command.addOption(new Option(flag, `${what} (${key})`).helpGroup(CONFIG_GROUP));
  }
  return command.addOption(
    new Option('--set <key=value>', 'any key, such as limits.maxBodyBytes=1GB (repeatable)')
      .argParser((text: string, before: string[] = []) => [...before, text])
      .helpGroup(CONFIG_GROUP),
  );
}

/** What the configuration options of a command line say, in no particular order of importance. */
export function flagOverrides(
  options: Readonly<Record<string, unknown>>,
  dotted: readonly FlagOverride[],
): FlagOverride[] {
  const overrides: FlagOverride[] = [];
  for (const [flag, key] of NAMED_FLAGS) {
    const option = new Option(flag);
    const value = options[option.attributeName()];
    if (typeof value === 'string') overrides.push({ key, value, flag: option.long as string });
  }
  overrides.push(...dotted);
  for (const text of (options.set as readonly string[] | undefined) ?? []) {
    const equals = text.indexOf('=');
    const key = equals < 0 ? text : text.slice(0, equals);
    overrides.push({
      key,
      value: equals < 0 ? 'true' : text.slice(equals + 1),
      flag: `--set ${key}`,
    });
  }
  return overrides;
}

/**
 * Takes the flags that name a key by its whole path (`--limits.max-body-bytes 1GB`) out of a command
 * line: there is one for every key and list entry, too many to declare.
 */
export function takeDottedFlags(argv: readonly string[]): {
  readonly rest: string[];
  readonly dotted: FlagOverride[];
} {
  const rest: string[] = [];
  const dotted: FlagOverride[] = [];
  for (let at = 0; at < argv.length; at++) {
    const argument = argv[at] as string;
    if (argument === '--') {
      rest.push(...argv.slice(at));
      break;
    }
    const match = /^--([a-z][\w-]*(?:\.[\w-]+)+)(?:=(.*))?$/s.exec(argument);
    if (!match) {
      rest.push(argument);
      continue;
    }
    const key = match[1] as string;
    const next = argv[at + 1];
    const flag = `--${key}`;
    if (match[2] !== undefined) dotted.push({ key, value: match[2], flag });
    else if (next !== undefined && !next.startsWith('--')) {
      dotted.push({ key, value: next, flag });
      at++;
    } else dotted.push({ key, value: 'true', flag });
  }
  return { rest, dotted };
}
