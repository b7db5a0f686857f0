import { type Command, Option } from 'commander';
import type { Config } from '../../config/index.js';
import type { FlagOverride } from '../../config/overrides.js';
import { machineInfo, planGeometry } from '../../ring/machine.js';
import { prepareSocketFolder } from '../../ring/socket-path.js';
import { announcement, listeningEvent } from '../announcement.js';
import { exitCodesText } from '../exit-codes.js';
import { Fleet } from '../fleet.js';
import { requireMemory } from '../geometry.js';
import { leaveTerminal, terminalWatch } from '../hang-up.js';
import { addConfigOptions, count, flagOverrides } from '../options.js';
import { filesOf, Reloader } from '../reloader.js';
import { outliveReaders, reportEvent, reportProcess, reportReload } from '../reporter.js';
import {
  drainDeadlineMs,
  loadServeConfig,
  reloadServeConfig,
  type ServeConfig,
  type ServeSetup,
} from '../serve-setup.js';
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
        'what runs (shutdown.drainTimeoutMs) and ends; a second signal ends it at once. At SIGHUP, ' +
        'and when its files change, it reads configuration, certificates and key set again.',
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
  outliveReaders();
  const json = options.json ?? false;
  const flags = flagOverrides({ ...options }, dotted);
  const setup = await loadServeConfig(options, flags);
  const module = options.worker === undefined ? setup.demo : resolveModule(options.worker);
  checkMemory(setup.config);
  prepareSocketFolder(setup.config.segment.socket);
  const serving = servingOf(setup.config, json);
  const supervisor = module ? workersOf(module, setup, options) : undefined;
  const reloader = new Reloader(
    async () => {
      const read = () => reloadServeConfig(options, flags, serving.config);
      const { changed, certificates, needRestart } = await serving.reload(read);
      return { event: 'reloaded', changed, certificates, needRestart };
    },
    (event) => reportReload(event, json),
  );
  onHangUp(reloader);
  // From the first moment on: whoever sees that it listens may end it at once.
  const stopped = stopSignal(serving, supervisor, json);
  stopped.catch(() => {}); // awaited below
  try {
    const listening = await serving.listen();
    reportEvent(
      listeningEvent(setup, listening),
      json,
      announcement(setup, listening, { workers: supervisor ? options.workerProcesses : 0 }),
    );
    if (supervisor) supervisor.start();
    await reloader.start(() => filesOf(serving.config, setup.file), setup.config.reload.watchMs);
    await stopped;
    reloader.stop();
    // Before the workers: what was cut ends in them when the server goes.
    await serving.stop();
    await supervisor?.stop(WORKER_STOP_MS);
  } finally {
    reloader.stop();
    supervisor?.kill();
    await serving.close();
  }
  reportEvent({ event: 'stopped' }, json, 'stopped');
}

/** SIGHUP: read the configuration again. Where it says that the terminal is gone, it means the end. */
function onHangUp(reloader: Reloader): void {
  const terminalIsGone = terminalWatch();
  process.on('SIGHUP', () => {
    if (!terminalIsGone()) {
      reloader.request();
      return;
    }
    leaveTerminal();
    process.kill(process.pid, 'SIGTERM');
  });
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
): Promise<void> {
  return new Promise((resolve, reject) => {
    onStopSignals((signal) => {
      const seconds = Math.round(drainDeadlineMs(serving.config.shutdown) / 1000);
      const text = `${signal}: finishing what runs (at most ${seconds} s; again to end at once)`;
      reportEvent({ event: 'stopping' }, json, text);
      resolve();
    }, () => {
      supervisor?.kill();
      void serving.close();
    }, ['SIGTERM', 'SIGINT']);
    supervisor?.done.catch(reject);
  });
}
