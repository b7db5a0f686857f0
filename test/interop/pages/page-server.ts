import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Printed } from '../../support/program.js';
import type { MediaReport } from '../../support/rtmp.js';
import type { SrtBody } from '../../support/srt.js';
import { certificate } from '../../support/test-server.js';
import { until } from '../../support/until.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MAIN = join(ROOT, 'dist/cli/main.js');
const WORKERS = { media: 'media-worker.ts', bytes: 'srt-worker.ts' };
const WATCHDOG_MS = 120_000;

interface Address {
  readonly transport: string;
  readonly scheme: string;
  readonly port: number;
}

export interface PageServerOptions {
  /** A page's configuration; what it says of ports is replaced. */
  readonly yaml: string;
  /** The transport, and the scheme where it has several, of each port that the page names. Where there
   *  are several listeners of one kind, in the order of the page. */
  readonly ports: Readonly<Record<number, string>>;
  /** Takes access units apart, or bodies as they are. None: the page has its own. */
  readonly worker?: keyof typeof WORKERS;
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

/** What a line is run with. */
export interface ShellOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Ctrl-C, as soon as this resolves. */
  readonly stopAfter?: Promise<unknown>;
}

/** `upload-response serve` with the configuration of a page, a worker, and a folder to be in. */
export class PageServer {
  readonly reports: (MediaReport | SrtBody)[] = [];
  readonly #ports = new Map<string, number>();
  #stderr = '';

  static async start(options: PageServerOptions): Promise<PageServer> {
    const folder = mkdtempSync(join(tmpdir(), 'ur-page-'));
    await certificate(folder);
    mkdirSync(join(folder, 'bin'));
    const command = join(folder, 'bin/upload-response');
    writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
    chmodSync(command, 0o755);
    symlinkSync(join(ROOT, 'test'), join(folder, 'test'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(ROOT, join(folder, 'node_modules/upload-response'));
    for (const [name, bytes] of Object.entries(options.files ?? {})) {
      writeFileSync(join(folder, name), bytes);
    }
    const yaml = options.yaml.replaceAll(/\b((?:p|udpP|fileP)ort): *\d+/g, '$1: 0');
    writeFileSync(join(folder, 'upload-response.yaml'), yaml);
    const socket = join(folder, 'server.sock');
    const args = ['serve', '--json', '--port', '0', '--socket', socket, '--log-level', 'warn'];
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: cleanEnv() });
    const server = new PageServer(folder, child);
    try {
      await server.#listen(options.ports);
      if (options.worker) await server.#startWorker(socket, options.worker);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  #worker: ChildProcess | undefined;

  private constructor(
    /** In which lines are run. */
    readonly folder: string,
    readonly child: ChildProcess,
  ) {
    child.stderr?.on('data', (chunk) => {
      this.#stderr += chunk;
    });
  }

  async #listen(ports: PageServerOptions['ports']): Promise<void> {
    let found: readonly Address[] | undefined;
    createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      found ??= (JSON.parse(line) as { addresses?: readonly Address[] }).addresses;
    });
    const ended = () => this.child.exitCode !== null;
    await until(() => found !== undefined || ended(), 'the server to listen', WATCHDOG_MS);
    if (!found) throw new Error(`the server ended: ${this.#stderr}`);
    const left = [...found];
    for (const [port, kind] of Object.entries(ports)) {
      const [transport, scheme] = kind.split(' ');
      const at = left.findIndex(
        (one) => one.transport === transport && (!scheme || one.scheme === scheme),
      );
      if (at < 0) throw new Error(`no ${kind} among ${JSON.stringify(found)}`);
      this.#ports.set(port, left.splice(at, 1)[0]?.port ?? 0);
    }
  }

  async #startWorker(socket: string, kind: keyof typeof WORKERS): Promise<void> {
    const script = fileURLToPath(new URL(`../../support/${WORKERS[kind]}`, import.meta.url));
    this.#worker = fork(script, [socket, this.folder], { execArgv: ['--import', 'tsx'] });
    this.#worker.on('message', (message) => this.reports.push(message as MediaReport | SrtBody));
    await this.report('ready');
  }

  /** The port that is there in place of one of the page. */
  port(shown: number): number {
    return this.#ports.get(String(shown)) ?? shown;
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  /** The next report of this kind after the first `from`. */
  async report<T extends MediaReport | SrtBody>(event: string, from = 0): Promise<T> {
    const find = () => this.reports.slice(from).find((one) => one.event === event);
    await until(() => find() !== undefined, `the worker's report "${event}"`, WATCHDOG_MS);
    return find() as T;
  }

  /** Resolves when a body that is read after the first `from` reports has so many bytes. */
  async received(bytes: number, from: number): Promise<void> {
    const { file } = await this.report<SrtBody>('opened', from);
    const size = () => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    await until(() => size() >= bytes, `${bytes} bytes`, WATCHDOG_MS);
  }

  /** Runs lines as they stand, but for the ports. */
  async shell(lines: string, { env, stopAfter }: ShellOptions = {}): Promise<Printed> {
    let text = lines;
    for (const [shown, port] of this.#ports) {
      text = text.replaceAll(new RegExp(`\\b${shown}\\b`, 'g'), String(port));
    }
    const path = `${this.file('bin')}:${process.env.PATH}`;
    const child = spawn('bash', ['-ec', text], {
      cwd: this.folder,
      env: {
        ...cleanEnv(),
        HOME: this.folder,
        PATH: path,
        UR_SOCKET: this.file('server.sock'),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, which holds all that the line starts.
      detached: true,
    });
    const printed = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].on('data', (chunk) => {
        printed[stream] += chunk;
      });
    }
    let closed = false;
    const end = (signal: NodeJS.Signals) => {
      // Its number may be another one's by then.
      if (closed) return;
      try {
        process.kill(-(child.pid as number), signal);
      } catch {
        // All of it has ended by itself.
      }
    };
    const watchdog = setTimeout(() => end('SIGKILL'), WATCHDOG_MS);
    stopAfter?.then(
      () => end('SIGINT'),
      () => end('SIGKILL'),
    );
    const [code] = (await once(child, 'close')) as [number | null];
    closed = true;
    clearTimeout(watchdog);
    return { ...printed, code: code ?? -1 };
  }

  async stop(): Promise<void> {
    this.#worker?.kill('SIGKILL');
    const ended = () => this.child.exitCode !== null || this.child.signalCode !== null;
    this.child.kill('SIGTERM');
    await until(ended, 'the server to end').catch(() => this.child.kill('SIGKILL'));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Nothing of this process's own configuration. */
function cleanEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('UR_'));
  return { ...Object.fromEntries(kept), NODE_TEST_CONTEXT: undefined };
}
