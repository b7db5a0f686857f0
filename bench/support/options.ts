import { parseArgs } from 'node:util';

/** What every benchmark can be told. */
export interface BenchOptions {
  /** Sizes that a test run takes: seconds instead of minutes, and figures that mean nothing. */
  readonly small: boolean;
  /** One JSON document instead of tables. */
  readonly json: boolean;
  readonly trials: number;
  readonly seed: number;
  /** Seconds to wait before each trial until nobody else uses the processors. */
  readonly quietSeconds: number;
  /** Real-time priority for what is measured: other work on the machine does not take processors. */
  readonly realtime: boolean;
  /** Names of the tables to make; empty: all. */
  readonly only: readonly string[];
}

const usage = `Options:
  --small         small sizes: does it work? (the figures mean nothing)
  --json          one JSON document instead of tables
  --trials N      trials of each row; the median is shown
  --seed N        seed of the bytes
  --quiet N       before each trial wait up to N seconds until the machine is idle
  --realtime      measure at real-time priority, so that other programs do not take the processors
                  meanwhile (needs root; both sides of every comparison get it)
  --only a,b      some tables only
`;

/** Reads the command line; exits on a wrong one. */
export function benchOptions(
  defaults: { trials: number },
  tables: readonly string[],
): BenchOptions {
  try {
    const { values } = parseArgs({
      options: {
        small: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        trials: { type: 'string' },
        seed: { type: 'string', default: '1' },
        quiet: { type: 'string', default: '0' },
        realtime: { type: 'boolean', default: false },
        only: { type: 'string', default: '' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(`${usage}\nTables: ${tables.join(', ')}\n`);
      process.exit(0);
    }
    const only = values.only.split(',').filter((name) => name !== '');
    const unknown = only.filter((name) => !tables.includes(name));
    if (unknown.length > 0) throw new Error(`there is no table ${unknown.join(', ')}`);
    return {
      small: values.small,
      json: values.json,
      trials: count(values.trials ?? String(values.small ? 1 : defaults.trials), 'trials'),
      seed: count(values.seed, 'seed'),
      quietSeconds: Number(values.quiet),
      realtime: values.realtime,
      only,
    };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}\nTables: ${tables.join(', ')}\n`);
    process.exit(2);
  }
}

function count(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`--${name} is not a number: ${text}`);
  return value;
}
