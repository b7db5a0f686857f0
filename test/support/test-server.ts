import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import type { Logger } from '../../src/ingress/index.js';
import { createServer, type ServerConfig, type UploadResponseServer } from '../../src/server.js';
import { until } from './until.js';
import { WorkerProcess } from './worker-process.js';

/** What a test server is made of; small, so that lanes become full and streams run out. */
export interface TestServerOptions {
  readonly auth?: ServerConfig['auth'];
  readonly control?: ServerConfig['control'];
  readonly limits?: ServerConfig['limits'];
  readonly http?: ServerConfig['http'];
  readonly transports?: ServerConfig['transports'];
  readonly segment?: ServerConfig['segment'];
  readonly admin?: ServerConfig['admin'];
  readonly shutdown?: ServerConfig['shutdown'];
  readonly workers?: number;
  readonly observers?: readonly string[];
  readonly killStuckAfterMs?: number;
}

export type TestScheme = 'http' | 'https' | 'ws' | 'wss' | 'tcp' | 'tls';

const notices: string[] = [];
const note = (fields: object, message: string) =>
  notices.push(`${message} ${JSON.stringify(fields)}`);
const testLog: Logger = {
  debug: () => {},
  info: note,
  warn: note,
  error: (fields, message) => {
    note(fields, message);
    console.error(message, fields);
  },
};

/** A server on free ports, plain, TLS and h2c, with workers in processes of their own. */
export class TestServer {
  readonly workers: WorkerProcess[] = [];
  #folder: string;

  static async start(options: TestServerOptions = {}): Promise<TestServer> {
    const folder = mkdtempSync(join(tmpdir(), 'ur-test-'));
    const files = await certificate(folder);
    const config: ServerConfig = {
      segment: {
        socket: join(folder, 'control.sock'),
        pools: [{ name: 'uploads', streams: 8, requestSlots: 8, responseSlots: 4 }],
        maxWorkers: 16,
        ...options.segment,
      },
      auth: { ...options.auth },
      control: { ...options.control },
      // A worker of a test gets to run late where the machine is busy.
      limits: { noWorkerTimeoutMs: 15_000, ...options.limits },
      http: { port: 0, tls: { port: 0, ...files }, h2c: { port: 0 }, ...options.http },
      transports: { ...options.transports },
      admin: { ...options.admin },
      shutdown: { ...options.shutdown },
      workers: { killStuckAfterMs: options.killStuckAfterMs ?? 0 },
    };
    const started = new TestServer(folder, config, await createServer(config, { log: testLog }));
    try {
      await started.server.listen();
      for (let i = 0; i < (options.workers ?? 1); i++) await started.addWorker();
      for (const name of options.observers ?? []) await started.addWorker(name);
    } catch (error) {
      await started.stop();
      throw error;
    }
    return started;
  }

  private constructor(
    folder: string,
    /** What it was started with. */
    readonly config: ServerConfig,
    public server: UploadResponseServer,
  ) {
    this.#folder = folder;
  }

  /** Ends the server, as if it had been killed for its workers, and starts another one in its place. */
  async restart(): Promise<void> {
    await this.server.close();
    this.server = await createServer(this.config, { log: testLog });
    await this.server.listen();
  }

  /** What the server logged. */
  get log(): readonly string[] {
    return notices;
  }

  async addWorker(observer = ''): Promise<WorkerProcess> {
    const worker = await WorkerProcess.start(this.server.socket, observer);
    this.workers.push(worker);
    return worker;
  }

  /** Replaces dead workers until so many live. */
  async keepWorkers(count: number): Promise<void> {
    for (let i = this.workers.length - 1; i >= 0; i--) {
      if (!this.workers[i]?.alive) this.workers.splice(i, 1);
    }
    while (this.workers.length < count) await this.addWorker();
  }

  /** The first worker. */
  get worker(): WorkerProcess {
    return this.workers[0] as WorkerProcess;
  }

  /** `transport`: its listener, where several have the scheme. */
  port(scheme: TestScheme = 'http', transport?: string): number {
    const found = this.server.addresses.find(
      (one) => one.scheme === scheme && (!transport || one.transport === transport),
    );
    if (!found) throw new Error(`no ${scheme} listener`);
    return found.port;
  }

  url(path: string, scheme: TestScheme = 'http'): string {
    return `${scheme}://127.0.0.1:${this.port(scheme)}${path}`;
  }

  file(name: string): string {
    return join(this.#folder, name);
  }

  /** Resolves when no stream is under way, lingering or set aside. */
  async free(): Promise<void> {
    const { ingress, segment } = this.server;
    await until(() => {
      const { active, lingering, setAside } = ingress.stats();
      return active + lingering + setAside === 0 && segment.native.streams().length === 0;
    }, 'every stream to be free');
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.kill()));
    await this.server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Writes a new certificate and its key. */
export async function certificate(folder: string): Promise<{ certFile: string; keyFile: string }> {
  const pems = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
  });
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  writeFileSync(certFile, pems.cert);
  writeFileSync(keyFile, pems.private, { mode: 0o600 });
  return { certFile, keyFile };
}
