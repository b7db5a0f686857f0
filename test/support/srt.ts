import { type ChildProcess, fork, spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { ServerConfig } from '../../src/server.js';
import { PATIENT } from './patience.js';
import { TestServer } from './test-server.js';
import { until } from './until.js';

const WORKER = fileURLToPath(new URL('./srt-worker.ts', import.meta.url));
const CLIENT = fileURLToPath(new URL('./srt-client.py', import.meta.url));

type SrtConfig = NonNullable<NonNullable<ServerConfig['transports']>['srt']>;

/** What the worker says of a body. */
export interface SrtBody {
  readonly event: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly size: number;
  readonly sha256: string;
  /** Bytes of each slot. */
  readonly slots: readonly number[];
  /** Path of the file with the body. */
  readonly file: string;
}

/** What srt-client.py prints. */
export interface SrtClientResult {
  readonly connected: boolean;
  /** libsrt's reject reason. */
  readonly reject?: number;
  readonly reason?: string;
  readonly sent?: number;
  /** What came back, until the connection's end. */
  readonly answer?: string;
}

/** A server with SRT on free ports, and one worker of srt-worker.ts. */
export class SrtServer {
  readonly reports: SrtBody[] = [];
  readonly #worker: ChildProcess;

  static async start(
    srt: SrtConfig = {},
    options: Parameters<typeof TestServer.start>[0] = {},
  ): Promise<SrtServer> {
    const own = { enabled: true, port: 0, filePort: 0, ...srt };
    const transports = { ...options.transports, srt: own };
    const limits = { ...PATIENT.limits, ...options.limits };
    const server = await TestServer.start({ workers: 0, ...options, limits, transports });
    const started = new SrtServer(server);
    await started.report('ready');
    return started;
  }

  private constructor(readonly server: TestServer) {
    const folder = server.file('.');
    this.#worker = fork(WORKER, [server.server.socket, folder], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#worker.on('message', (message) => this.reports.push(message as SrtBody));
  }

  /** UDP port: the first for live callers, the second for file callers. */
  port(kind: 'live' | 'file'): number {
    const bound = this.server.server.addresses.filter(({ transport }) => transport === 'srt');
    const found = bound[kind === 'live' ? 0 : 1];
    if (!found) throw new Error(`no ${kind} port`);
    return found.port;
  }

  get refused(): Readonly<Record<string, number>> {
    return this.server.server.stats().transports.srt?.refusedTotal ?? {};
  }

  /** The next report of this kind after the first `from` reports. */
  async report(event: string, from = 0): Promise<SrtBody> {
    const find = () => this.reports.slice(from).find((one) => one.event === event);
    await until(() => find() !== undefined, `the worker's report "${event}"`, 60_000);
    return find() as SrtBody;
  }

  async stop(): Promise<void> {
    this.#worker.kill('SIGKILL');
    await this.server.stop();
  }
}

/** Runs srt-client.py to its end, with `input` as the body; a stream is sent as it comes. */
export function runSrtClient(
  args: readonly string[],
  input: Uint8Array | Readable = new Uint8Array(),
): Promise<SrtClientResult> {
  return new Promise((resolve, reject) => {
    const more = input instanceof Readable ? ['--as-it-comes'] : [];
    const child = spawn('python3', [CLIENT, ...args, ...more], { timeout: 60_000 });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    // A client that is refused reads nothing.
    child.stdin.on('error', () => {});
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(stdout) as SrtClientResult);
      else reject(new Error(`srt-client.py ended with ${code}: ${stderr}`));
    });
    if (input instanceof Readable) input.pipe(child.stdin);
    else child.stdin.end(input);
  });
}
