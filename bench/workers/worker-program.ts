import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { REALTIME } from '../support/realtime.js';
import type { FeedKind } from './feeders/feeder.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const programs = fileURLToPath(new URL('./programs/', import.meta.url));
/** The C library, as the preset `capi` builds it. */
const library = `${root}out/capi/`;
const folder = `${root}out/bench-workers/`;
const xxhash = `${root}node_modules/xxhash-addon/xxHash`;
const WATCHDOG_MS = 120_000;

/** What a worker does with its request: programs/README.md. */
export type Work = 'echo' | 'ages';

/** A language that workers are written in. */
export interface Language {
  readonly name: string;
  readonly command: readonly string[];
  readonly lastArguments: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Compiles what has to be compiled; the C library must be there. */
export function languages(): readonly Language[] {
  mkdirSync(folder, { recursive: true });
  const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', `-isystem${xxhash}`];
  // The same choice of instructions by the processor as in the hash of the Node.js program.
  const hash = [`${xxhash}/xxhash.c`];
  if (process.arch === 'x64') hash.push(`${xxhash}/xxh_x86dispatch.c`);
  execFileSync('cc', [
    ...[...flags, `${programs}worker.c`, ...hash, `-I${library}include`, `-L${library}lib`],
    ...[`-Wl,-rpath,${library}lib`, '-lupload_response', '-o', `${folder}worker`],
  ]);
  const shared = `${folder}libbench_xxh3.so`;
  execFileSync('cc', [...flags, '-shared', '-fPIC', `${programs}xxh3.c`, ...hash, '-o', shared]);
  const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
  return [
    { name: 'C', command: [`${folder}worker`], lastArguments: [], env: {} },
    {
      name: 'Node.js',
      command: [process.execPath, `${programs}worker.mjs`],
      lastArguments: [],
      env: {},
    },
    {
      name: 'Python',
      command: [python, `${programs}worker.py`],
      lastArguments: [shared],
      env: { PYTHONPATH: `${root}sdk/python`, PYTHONDONTWRITEBYTECODE: '1' },
    },
  ];
}

/** One worker process, for one request. */
export class WorkerProgram {
  readonly #child: ChildProcess;
  /** How it ended: undefined when it ended well. */
  readonly #ended: Promise<string | undefined>;
  /** What it printed when it was ready. */
  ready = '';

  static async start(
    language: Language,
    from: FeedKind,
    address: string,
    work: Work,
    realtime: boolean,
  ): Promise<WorkerProgram> {
    const way = from === 'defaults' ? 'ring' : from;
    const args = [way, address, work, ...language.lastArguments];
    const command = [...(realtime ? REALTIME : []), ...language.command, ...args];
    const worker = new WorkerProgram(command, { ...process.env, ...language.env });
    const lines = createInterface({ input: worker.#child.stdout as Readable });
    const first = new Promise<string>((resolve) => lines.once('line', resolve));
    worker.ready = await worker.orEnd(first);
    return worker;
  }

  private constructor(command: readonly string[], env: NodeJS.ProcessEnv) {
    const [program = '', ...args] = command;
    this.#child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    const watchdog = setTimeout(() => this.#child.kill('SIGKILL'), WATCHDOG_MS);
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(error.message));
      this.#child.once('exit', (code, signal) =>
        resolve(code === 0 ? undefined : `exit code ${code ?? signal}`),
      );
    });
    void this.#ended.then(() => clearTimeout(watchdog));
  }

  /** `promise`, or a rejection when the process ends before. */
  orEnd<Value>(promise: Promise<Value>): Promise<Value> {
    const ended = this.#ended.then((failure) => {
      throw new Error(`the worker has ended: ${failure ?? 'too early'}`);
    });
    return Promise.race([promise, ended]);
  }

  /** Ends it. @throws when it does not end well. */
  async stop(): Promise<void> {
    this.#child.stdin?.end();
    const failure = await this.#ended;
    if (failure) throw new Error(`the worker failed: ${failure}`);
  }
}
