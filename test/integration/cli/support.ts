import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The command line. */
export const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
/** A command may serve a whole file, on a busy machine; a hang ends before the suite's watchdog. */
const COMMAND_WATCHDOG_MS = 600_000;
const WATCHDOG_MS = 90_000;

/** What a command said. */
export interface Result {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string | Buffer | Readable;
  /** Another script than the command line of this folder. */
  readonly main?: string;
}

type End = readonly [code: number | null, signal: NodeJS.Signals | null];

const running = new Set<ChildProcess>();
/** Taken from the start: a command may end before anybody waits for its end. */
const ends = new WeakMap<ChildProcess, Promise<End>>();

/** Ends what a failed test has left behind, and waits for it. */
export async function endAll(): Promise<void> {
  const left = [...running];
  for (const child of left) child.kill('SIGKILL');
  await Promise.all(left.map(endOf));
}

/** A folder of one test file. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'ur-cli-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** A configuration file that can be changed. */
export class ConfigFile {
  readonly path: string;

  constructor(folder: string) {
    this.path = join(mkdtempSync(join(folder, 'config-')), 'server.yaml');
  }

  /** In one step, as editors and deployments do it. */
  write(text: string): void {
    writeFileSync(`${this.path}.new`, text);
    renameSync(`${this.path}.new`, this.path);
  }
}

/** The environment of a command: nothing of ours but what is given. */
function cleanEnv(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('UR_'));
  return { ...Object.fromEntries(kept), NODE_TEST_CONTEXT: undefined, ...more };
}

/** Starts the command line as a user would. */
export function start(args: readonly string[], options: RunOptions = {}): ChildProcess {
  const child = spawn(process.execPath, [options.main ?? MAIN, ...args], {
    cwd: options.cwd,
    env: cleanEnv(options.env),
    stdio: 'pipe',
  });
  running.add(child);
  ends.set(child, once(child, 'close') as unknown as Promise<End>);
  const watchdog = setTimeout(() => child.kill('SIGKILL'), COMMAND_WATCHDOG_MS);
  child.once('exit', () => {
    clearTimeout(watchdog);
    running.delete(child);
  });
  return child;
}

/** Runs a command to its end. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const child = start(args, options);
  const { input } = options;
  child.stdin?.on('error', () => {});
  if (input === undefined || typeof input === 'string' || Buffer.isBuffer(input)) {
    child.stdin?.end(input);
  } else input.pipe(child.stdin as NonNullable<ChildProcess['stdin']>);
  return finish(child);
}

/** How a command ended. */
export function endOf(child: ChildProcess): Promise<End> {
  return ends.get(child) as Promise<End>;
}

/** Collects what is left of a command and waits for its end. */
export async function finish(child: ChildProcess): Promise<Result> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code, signal] = await endOf(child);
  return { code, signal, stdout, stderr };
}

/** The events of a command that runs with `--json`. */
export class Events {
  readonly #seen: Record<string, unknown>[] = [];
  readonly #waiting = new Set<() => void>();
  #stderr = '';
  #ended = false;

  constructor(readonly child: ChildProcess) {
    createInterface({ input: child.stdout as Readable }).on('line', (line) => {
      this.#seen.push(JSON.parse(line) as Record<string, unknown>);
      this.#wake();
    });
    child.stderr?.on('data', (chunk) => {
      this.#stderr += chunk;
    });
    void endOf(child).then(() => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Lines so far that nobody has taken. */
  get count(): number {
    return this.#seen.length;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The next event of this name that nobody has taken yet. Rejects when the command ends first. */
  async next(name: string): Promise<Record<string, unknown>> {
    for (;;) {
      const at = this.#seen.findIndex((event) => event.event === name);
      if (at >= 0) return this.#seen.splice(at, 1)[0] as Record<string, unknown>;
      if (this.#ended) throw new Error(`it ended without '${name}':\n${this.#stderr}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** The module of a fixture worker. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
}

/** Looks until `condition` holds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>) {
  const deadline = Date.now() + WATCHDOG_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited too long: ${what}`);
    await delay(20);
  }
}

/** Whether a process of this id is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A door that somebody waits behind: a GET of `url` is answered when it opens. */
export class Gate {
  readonly #server = createServer((_, response) => {
    if (this.#open) response.end();
    else this.#waiting.push(response);
  });
  readonly #waiting: ServerResponse[] = [];
  #open = false;

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  open(): void {
    this.#open = true;
    for (const response of this.#waiting.splice(0)) response.end();
  }

  close(): void {
    this.open();
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** What `serve --json` says first. */
export interface Listening {
  readonly pid: number;
  readonly socket: string;
  readonly certificate?: string;
  readonly admin?: { readonly url: string };
  readonly segment: { readonly totalBytes: number };
  readonly addresses: readonly { readonly scheme: string; readonly port: number }[];
}

/** A server of a test: a small segment, free ports, its own socket. */
export class TestServer {
  private constructor(
    readonly child: ChildProcess,
    readonly events: Events,
    readonly listening: Listening,
  ) {}

  static async start(
    folder: string,
    args: readonly string[] = [],
    options: RunOptions = {},
  ): Promise<TestServer> {
    const common = ['--json', '--port', '0', '--segment.pools.uploads.streams', '4'];
    // Uploads stand still here for as long as a test looks at them.
    const patience = ['--limits.min-rate-bytes-per-second', '0', '--limits.evict-after-ms', '10m'];
    const named = ['--socket', join(folder, 'server.sock'), '--log-level', 'warn'];
    const child = start(['serve', ...common, ...patience, ...named, ...args], options);
    const events = new Events(child);
    const listening = (await events.next('listening')) as unknown as Listening;
    return new TestServer(child, events, listening);
  }

  get socket(): string {
    return this.listening.socket;
  }

  port(scheme: string): number {
    const address = this.listening.addresses.find((one) => one.scheme === scheme);
    if (!address) throw new Error(`no ${scheme} listener`);
    return address.port;
  }

  url(scheme = 'http'): string {
    return `${scheme}://localhost:${this.port(scheme)}/upload`;
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    const [code] = await endOf(this.child);
    return code;
  }
}
