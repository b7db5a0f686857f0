import { type Command, Option } from 'commander';
import type { Config } from '../../config/index.js';
import type { FlagOverride } from '../../config/overrides.js';
import { machineInfo, planGeometry } from '../../ring/machine.js';
import { prepareSocketFolder } from '../../ring/socket-path.js';
import { announcement, listeningEvent } from '../announcement.js';
import { exitCodesText } from '../exit-codes.js';
import { Fleet } from '../fleet.js';
import { requireMemory } from '../geometry.js';
import { addConfigOptions, count, flagOverrides } from '../options.js';
import { reportEvent, reportProcess } from '../reporter.js';
import { loadServeConfig, type ServeConfig, type ServeSetup } from '../serve-setup.js';
import { type Serving, ServingHere } from '../serving.js';
import { onStopSignals } from '../signals.js';
import { Supervisor } from '../supervisor.js';
import { resolveModule, workerName } from './worker.js';

export interface ServeOptions {
  readonly config?: string;
  readonly dev?: boolean;
  readonly worker?: string;
  readonly workerProcesses: number;
  readonly json?: boolean;
}

/** Time that worker processes have to end when the server has no request left for them. */
const WORKER_STOP_MS = 5_000;

/** Adds `serve` to the program. */
export function addServe(program: Command, dotted: readonly FlagOverride[]): void {
  const command = program
    .command('serve')
    .summary('start the server')
    .description(
      'Creates the shared memory, listens, and serves until SIGTERM or Ctrl-C: then it finishes ' +
        'what runs (shutdown.drainTimeoutMs) and ends; a second signal ends it at once.',
    )
    .option('--dev', 'to try it out: loopback, plain and TLS, own certificate, an example worker')
    .option('--worker <module>', 'run processes of this worker module too')
    .addOption(
      new Option('--worker-processes <number>', 'with --worker or --dev: how many')
        .argParser(count(1))
        .default(1),
    )
    .option('--json', 'what happens as lines of JSON on standard output');
  addConfigOptions(command)
    .addHelpText(
      'after',
      `
Every key is a flag too, such as --limits.max-body-bytes 1GB or --segment.pools.uploads.streams 64,
and an environment variable, such as UR_LIMITS_MAX_BODY_BYTES. 'upload-response config keys' lists
them, 'upload-response config example' writes a commented file.

Examples:
  upload-response serve --dev
  upload-response serve --config production.yaml
  upload-response serve --port 8080 --worker ./my-worker.mjs --worker-processes 4
  upload-response serve --port 8080 --processes 4
${exitCodesText('ok', 'failed', 'usage', 'interrupted')}`,
    )
    .action((options: ServeOptions) => serve(options, dotted));
}

async function serve(options: ServeOptions, dotted: readonly FlagOverride[]): Promise<void> {
  const json = options.json ?? false;
  const setup = await loadServeConfig(options, flagOverrides({ ...options }, dotted));
  const module = options.worker === undefined ? setup.demo : resolveModule(options.worker);
  checkMemory(setup.config);
  prepareSocketFolder(setup.config.segment.socket);
  const serving = servingOf(setup.config, json);
  const supervisor = module ? workersOf(module, setup, options) : undefined;
  try {
    const addresses = await serving.listen();
    reportEvent(
      listeningEvent(setup, addresses),
      json,
      announcement(setup, addresses, { workers: supervisor ? options.workerProcesses : 0 }),
    );
    if (supervisor) supervisor.start();
    await stopSignal(serving, supervisor, json, setup.config);
    // Before the workers: what was cut ends in them when the server goes.
    await serving.stop();
    await supervisor?.stop(WORKER_STOP_MS);
  } finally {
    supervisor?.kill();
    await serving.close();
  }
  reportEvent({ event: 'stopped' }, json, 'stopped');
}

function servingOf(config: ServeConfig, json: boolean): Serving {
  if (config.server.processes === 1) return new ServingHere(config);
  return new Fleet(config, (event) => reportProcess(event, json));
}

function checkMemory(config: Config): void {
  requireMemory(config.segment, planGeometry(config.segment), machineInfo());
}

function workersOf(module: string, setup: ServeSetup, options: ServeOptions): Supervisor {
  const { socket } = setup.config.segment;
  const name = workerName(module);
  return new Supervisor({ module, socket, name }, options.workerProcesses, (event) =>
    reportProcess(event, options.json ?? false),
  );
}

/** Resolves at the first signal; rejects when the workers cannot run at all. */
function stopSignal(
  serving: Serving,
  supervisor: Supervisor | undefined,
  json: boolean,
  config: Config,
): Promise<void> {
  return new Promise((resolve, reject) => {
    onStopSignals(
      (signal) => {
        const seconds = Math.round(config.shutdown.drainTimeoutMs / 1000);
        const text = `${signal}: finishing what runs (at most ${seconds} s; again to end at once)`;
        reportEvent({ event: 'stopping' }, json, text);
        resolve();
      },
      () => {
        supervisor?.kill();
        void serving.close();
      },
    );
    supervisor?.done.catch(reject);
  });
}
