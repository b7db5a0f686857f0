import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { EXIT_CODES, exitCodesText } from '../exit-codes.js';
import { CliError } from '../failure.js';
import { count, duration, socketOption } from '../options.js';
import { outliveReaders, reportEvent, reportProcess } from '../reporter.js';
import { onStopSignals } from '../signals.js';
import { socketPath } from '../socket.js';
import { Supervisor } from '../supervisor.js';

interface WorkerCommandOptions {
  readonly socket?: string;
  readonly processes: number;
  readonly concurrency?: number;
  readonly name?: string;
  readonly observer?: string | true;
  readonly required?: boolean;
  readonly stopTimeout: number;
  readonly json?: boolean;
}

/** Adds `worker` to the program. */
export function addWorker(program: Command): void {
  program
    .command('worker')
    .summary('run worker processes of a module')
    .description(
      'Starts processes of a worker module and starts one again when it dies. The module exports ' +
        'default a function (exchange) => ..., or an object with a fetch function, such as a Hono app.',
    )
    .argument('<module>', 'path of the worker module')
    .addOption(socketOption())
    .option('-p, --processes <number>', 'how many processes', count(1), 1)
    .option('--concurrency <number>', 'requests at once in each process', count(1))
    .option('--name <name>', 'name in top and metrics (default: the name of the module)')
    .option('--observer [name]', 'read every request beside the worker that answers it')
    .option('--required', 'with --observer <name>: no response passes without its verdict')
    .addOption(
      new Option('--stop-timeout <duration>', 'time to finish running work')
        .argParser(duration)
        .default(30_000, '30s'),
    )
    .option('--json', 'what happens as lines of JSON on standard output')
    .addHelpText(
      'after',
      `
Examples:
  upload-response worker ./my-worker.mjs --processes 4
  upload-response worker ./virus-scan.mjs --observer scan --required
${exitCodesText('ok', 'failed', 'usage', 'interrupted')}`,
    )
    .action(run);
}

async function run(module: string, options: WorkerCommandOptions): Promise<void> {
  outliveReaders();
  const observer = options.observer === true ? '' : options.observer;
  if (options.required && !observer) {
    throw new CliError('--required needs --observer <name>', EXIT_CODES.usage.code);
  }
  const name = options.name ?? (observer || workerName(module));
  const supervisor = new Supervisor(
    {
      module: resolveModule(module),
      socket: await socketPath(options),
      name,
      concurrency: options.concurrency,
      observer,
      required: options.required,
    },
    options.processes,
    (event) => reportProcess(event, options.json ?? false),
  );
  const undo = onStopSignals(
    (signal) => {
      reportEvent({ event: 'stopping' }, options.json ?? false, `${signal}: finishing what runs`);
      void supervisor.stop(options.stopTimeout);
    },
    () => supervisor.kill(),
  );
  supervisor.start();
  try {
    await supervisor.done;
  } finally {
    undo();
  }
  reportEvent({ event: 'stopped' }, options.json ?? false, 'stopped');
}

/** Room for the number of the process: names in the segment have 31 bytes. */
const NAME_BYTES = 26;

/** The name of a module's processes. */
export function workerName(module: string): string {
  const name = basename(module).replace(/\.[^.]+$/, '');
  return name.replace(/[^A-Za-z0-9_.-]/g, '-').slice(0, NAME_BYTES) || 'worker';
}

/** The absolute path of a worker module. @throws CliError */
export function resolveModule(module: string): string {
  if (/^(file|data):/.test(module)) return module;
  const path = resolve(module);
  if (existsSync(path)) return path;
  throw new CliError(
    `there is no worker module ${path}`,
    EXIT_CODES.usage.code,
    'A worker module exports default a function (exchange) => ...; see examples/.',
  );
}
