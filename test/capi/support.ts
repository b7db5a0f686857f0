import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../support/program.js';
import { until, within } from '../support/until.js';

/** Where the preset `capi` builds. */
export const built = fileURLToPath(new URL('../../out/capi/', import.meta.url));
export const root = fileURLToPath(new URL('../../', import.meta.url));
export const programs = fileURLToPath(new URL('./programs/', import.meta.url));
const serverScript = fileURLToPath(new URL('./server-process.ts', import.meta.url));

/** A folder that goes with the test. */
export function temporaryFolder(t: { after(end: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'ur-capi-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs a program, and fails with what it printed if it fails. */
export async function mustRun(name: string, args: readonly string[], seconds = 120) {
  const printed = await runProgram(name, args, seconds);
  const command = [name, ...args].join(' ');
  assert.equal(printed.code, 0, `${command}\n${printed.stdout}${printed.stderr}`);
  return printed;
}

const strict = [
  '-std=c11',
  '-D_POSIX_C_SOURCE=200809L',
  '-Wall',
  '-Wextra',
  '-pedantic',
  '-Werror',
];

/** Compiles a C program against the library as it was built; returns its path. */
export async function compile(
  source: string,
  folder: string,
  extra: readonly string[] = [],
): Promise<string> {
  const program = join(folder, `${source.replace(/^.*\/|\.c$/g, '')}-program`);
  const library = [`-I${built}include`, `-L${built}lib`, `-Wl,-rpath,${built}lib`];
  const link = ['-lupload_response', '-lpthread', ...extra];
  await mustRun('cc', [...strict, '-O1', '-g', source, ...library, ...link, '-o', program]);
  return program;
}

/** A server in a process of its own. */
export class ServerProcess {
  private constructor(
    readonly process: ChildProcess,
    readonly socket: string,
    readonly port: number,
  ) {}

  static async start(t: TestContext, socket: string): Promise<ServerProcess> {
    const child = fork(serverScript, [socket], { execArgv: ['--import', 'tsx'] });
    t.after(() => child.kill('SIGKILL'));
    const [message] = (await within(once(child, 'message'), 'the server to listen')) as [
      { port: number },
    ];
    return new ServerProcess(child, socket, message.port);
  }

  url(path = ''): string {
    return `http://127.0.0.1:${this.port}/upload${path}`;
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await within(once(this.process, 'exit'), 'the server to end');
  }
}

/** A C worker. */
export class CWorker {
  output = '';

  private constructor(readonly process: ChildProcess) {
    process.stdout?.on('data', (text) => (this.output += text));
    process.stderr?.on('data', (text) => (this.output += text));
  }

  static spawn(t: TestContext, socket: string, command: readonly string[]): CWorker {
    const [program = '', ...args] = command;
    const env = { ...process.env, UR_SOCKET: socket };
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    return new CWorker(child);
  }

  static async start(t: TestContext, socket: string, command: readonly string[]): Promise<CWorker> {
    const worker = CWorker.spawn(t, socket, command);
    await worker.says('attached OK');
    return worker;
  }

  says(text: string): Promise<void> {
    return until(() => {
      if (this.output.includes(text)) return true;
      assert.ok(this.running, `the worker has ended: ${this.output}`);
      return false;
    }, `the worker to say '${text}'`);
  }

  get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Open descriptors, and private memory in KB. */
  usage(): { descriptors: number; privateKb: number } {
    const folder = `/proc/${this.process.pid}`;
    const [, kb] = /^RssAnon:\s*(\d+) kB/m.exec(readFileSync(`${folder}/status`, 'utf8')) ?? [];
    return { descriptors: readdirSync(`${folder}/fd`).length, privateKb: Number(kb) };
  }

  /** Stops it in an orderly way; its exit code. */
  async stop(): Promise<number | null> {
    this.process.kill('SIGTERM');
    await this.ended();
    return this.process.exitCode;
  }

  async ended(): Promise<void> {
    if (this.running) await within(once(this.process, 'exit'), 'the worker to end');
  }
}

/** The answer of `count` for a body. */
export function tallyOf(body: Uint8Array): string {
  const sum = body.reduce((total, byte) => (total + byte) >>> 0, 0);
  return `${body.length} bytes, sum ${sum}\n`;
}
