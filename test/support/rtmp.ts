import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ServerConfig } from '../../src/server.js';
import { PATIENT } from './patience.js';
import { TestServer, type TestServerOptions } from './test-server.js';
import { until } from './until.js';

const WORKER = fileURLToPath(new URL('./media-worker.ts', import.meta.url));

type RtmpOptions = Partial<NonNullable<NonNullable<ServerConfig['transports']>['rtmp']>>;

/** What the worker says; which fields are there depends on the event. */
export interface MediaReport {
  readonly event: 'ready' | 'opened' | 'units' | 'body' | 'aborted';
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly trailers: readonly (readonly [string, string])[];
  readonly units: readonly {
    readonly type: number;
    readonly key: boolean;
    readonly track: number;
    readonly id: number;
    readonly dts: number;
    readonly pts: number;
    readonly size: number;
  }[];
  /** One for each stream type, which its name ends with. */
  readonly files: readonly string[];
  /** Bytes after the last whole unit. */
  readonly rest: number;
  readonly code?: string;
  /** Of `units`: how many there are by now. */
  readonly count?: number;
}

/** A server with RTMP and RTMPS on free ports, and one worker that takes access units apart. */
export class RtmpServer {
  readonly reports: MediaReport[] = [];
  readonly #worker: ChildProcess;

  static async start(rtmp: RtmpOptions = {}, options: TestServerOptions = {}): Promise<RtmpServer> {
    const config = { enabled: true, port: 0, ...rtmp } as NonNullable<RtmpOptions>;
    const server = await TestServer.start({
      workers: 0,
      ...options,
      limits: { ...PATIENT.limits, ...options.limits },
      transports: { ...options.transports, rtmp: config },
    });
    const started = new RtmpServer(server);
    await started.report('ready');
    return started;
  }

  private constructor(readonly server: TestServer) {
    this.#worker = fork(WORKER, [server.server.socket, server.file('.')], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#worker.on('message', (message) => this.reports.push(message as MediaReport));
  }

  port(scheme: 'rtmp' | 'rtmps' = 'rtmp'): number {
    const found = this.server.server.addresses.find((one) => one.scheme === scheme);
    if (!found) throw new Error(`no ${scheme} port`);
    return found.port;
  }

  get stats() {
    const stats = this.server.server.stats().transports.rtmp;
    if (!stats) throw new Error('no stats of RTMP');
    return stats;
  }

  /** The next report of this kind after the first `from` reports. */
  async report(event: MediaReport['event'], from = 0): Promise<MediaReport> {
    const find = () => this.reports.slice(from).find((one) => one.event === event);
    await until(() => find() !== undefined, `the worker's report "${event}"`, 120_000);
    return find() as MediaReport;
  }

  /** The worker stands still, in the middle of whatever it does. */
  suspendWorker(): void {
    this.#worker.kill('SIGSTOP');
  }

  resumeWorker(): void {
    this.#worker.kill('SIGCONT');
  }

  killWorker(): void {
    this.#worker.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    this.#worker.kill('SIGKILL');
    await this.server.stop();
  }
}

/** With a server that must be left with nothing open. */
export async function withRtmpServer(
  use: (server: RtmpServer) => Promise<void>,
  ...options: Parameters<typeof RtmpServer.start>
): Promise<void> {
  const server = await RtmpServer.start(...options);
  try {
    await use(server);
    await until(() => server.stats.connections === 0, 'every connection to be closed');
    await server.server.free();
  } finally {
    await server.stop();
  }
}
