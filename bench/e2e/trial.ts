import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { shielded } from '../support/realtime.js';
import { Child } from './child.js';
import { PROTOCOLS, type ProtocolName } from './protocol.js';

export type ServerKind = 'ring' | 'bare';

/** One way of uploading. */
export interface Scenario {
  readonly protocol: ProtocolName;
  /** `length`: the client says beforehand how long the body is. */
  readonly framing: 'length' | 'chunked';
}

/** Small requests on many connections at once. */
export interface SmallOutcome {
  /** Of each request, from its first byte sent to the last one of its response. */
  readonly ns: readonly number[];
  readonly requestsPerSecond: number;
}

/** What one trial measured of one upload size. */
export interface UploadOutcome {
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
  /** CPU time per 10^9 bytes of each process; the bare server has no worker. */
  readonly cpuSecondsPerGb: Readonly<Record<'client' | 'server' | 'worker', number>>;
  readonly serverRssBytes: number;
}

/** The ports by the names that `PROTOCOLS` has for them. */
interface Ports {
  readonly [name: string]: number | string;
  readonly path: string;
}

/** What a process answers when it is asked for `cpu`. */
export interface Cpu {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** A folder with what every trial needs. */
export class Workspace {
  readonly folder = mkdtempSync(join(tmpdir(), 'ur-bench-'));
  readonly certFile = join(this.folder, 'cert.pem');
  readonly keyFile = join(this.folder, 'key.pem');

  static async create(): Promise<Workspace> {
    const workspace = new Workspace();
    const pems = await generate([{ name: 'commonName', value: 'localhost' }], {
      keyType: 'ec',
      curve: 'P-256',
      algorithm: 'sha256',
    });
    writeFileSync(workspace.certFile, pems.cert);
    writeFileSync(workspace.keyFile, pems.private, { mode: 0o600 });
    return workspace;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The fresh processes of one trial: a server, a client, and with the ring server a worker. */
export class Trial {
  readonly #server: Child<Ports>;
  readonly #worker: Child | undefined;
  readonly #client: Child;

  static async start(
    kind: ServerKind,
    scenario: Scenario,
    seed: number,
    { folder, certFile, keyFile }: Workspace,
    execArgv: Partial<Record<'server' | 'worker', readonly string[]>> = {},
  ): Promise<Trial> {
    const socket = join(folder, 'control.sock');
    const server = await Child.start<Ports>(
      kind === 'ring' ? 'upload-server' : 'bare-server',
      { socket, certFile, keyFile },
      execArgv.server,
    );
    const worker =
      kind === 'ring' ? await Child.start('worker', { socket }, execArgv.worker) : undefined;
    const { path } = server.ready;
    const { client: program, port, scheme } = PROTOCOLS[scenario.protocol];
    const client = await Child.start(program, { port: server.ready[port], scheme, path, seed });
    return new Trial(server, worker, client);
  }

  private constructor(server: Child<Ports>, worker: Child | undefined, client: Child) {
    this.#server = server;
    this.#worker = worker;
    this.#client = client;
  }

  /** For profilers. */
  get pids(): { readonly server: number; readonly worker: number; readonly client: number } {
    return {
      server: this.#server.pid,
      worker: this.#worker?.pid ?? 0,
      client: this.#client.pid,
    };
  }

  /** Runs `measured` with real-time priority for all processes of the trial, if `on`. */
  shielded<Result>(on: boolean, measured: () => Promise<Result>): Promise<Result> {
    return shielded(
      Object.values(this.pids).filter((pid) => pid > 0),
      on,
      measured,
    );
  }

  /** Uploads `count` times; the first, small upload only warms the processes up. */
  async measure(
    framing: Scenario['framing'],
    totalBytes: number,
    count: number,
  ): Promise<UploadOutcome> {
    const before = await this.#cpu();
    const { seconds } = await this.#uploads({ framing, totalBytes, count });
    const after = await this.#cpu();
    const sum = seconds.reduce((total, one) => total + one, 0);
    const gb = (totalBytes * count) / 1e9;
    const perGb = (i: number) => ((after[i]?.cpuSeconds ?? 0) - (before[i]?.cpuSeconds ?? 0)) / gb;
    return {
      totalBytes,
      bytesPerSecond: (totalBytes * count) / sum,
      cpuSecondsPerGb: { client: perGb(0), server: perGb(1), worker: perGb(2) },
      serverRssBytes: after[1]?.rssBytes ?? 0,
    };
  }

  /** Sends `requests` small requests over `connections` connections. */
  async small(connections: number, requests: number): Promise<SmallOutcome> {
    const options = { connections, requests };
    const { ns, seconds } = await this.#client.ask<{ ns: number[]; seconds: number }>(
      'small',
      options,
    );
    return { ns, requestsPerSecond: requests / seconds };
  }

  async warmUp(framing: Scenario['framing'], totalBytes: number): Promise<void> {
    await this.#uploads({ framing, totalBytes, count: 1 });
  }

  /** Throws unless the worker has seen exactly the bytes that were sent. Returns their SHA-256. */
  async check(framing: Scenario['framing'], totalBytes: number): Promise<string> {
    const { sha256 } = await this.#uploads({ framing, totalBytes, count: 1, digest: true });
    const sent = await this.#client.ask<{ sha256: string }>('expectedDigest', { totalBytes });
    if (sha256 !== sent.sha256) throw new Error(`the worker read ${sha256}, sent ${sent.sha256}`);
    return sent.sha256;
  }

  /** Times in ns from just before the body's first byte was sent until the worker (or the bare
   *  server's handler) had it, of `count` small uploads. */
  async firstByteNs(options: {
    count: number;
    bodyBytes: number;
    apart: boolean;
  }): Promise<number[]> {
    await this.#client.ask('stamped', { ...options, count: Math.ceil(options.count / 10) });
    const reader = this.#worker ?? this.#server;
    await reader.ask('ages');
    await this.#client.ask('stamped', options);
    const { ns } = await reader.ask<{ ns: number[] }>('ages');
    if (ns.length !== options.count) throw new Error(`${ns.length} of ${options.count} were seen`);
    return ns;
  }

  async stop(): Promise<void> {
    await this.#client.stop();
    await this.#worker?.stop();
    await this.#server.stop();
  }

  #uploads(options: object): Promise<{ seconds: number[]; sha256?: string }> {
    return this.#client.ask('uploads', options);
  }

  #cpu(): Promise<Cpu[]> {
    const processes: Child[] = [this.#client, this.#server];
    if (this.#worker) processes.push(this.#worker);
    return Promise.all(processes.map((one) => one.ask<Cpu>('cpu')));
  }
}
