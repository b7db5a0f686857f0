import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { REALTIME } from './realtime.js';

const folder = fileURLToPath(new URL('../../out/release/bench/', import.meta.url));
const runFile = promisify(execFile);

const WATCHDOG_MS = 120_000;

/** A line that a program of bench/native or bench/media printed. */
export type Outcome = Readonly<Record<string, number | string>>;
type ProgramOptions = Readonly<Record<string, number | string>>;

const pathOf = (name: string) => join(folder, name);
const argumentsOf = (options: ProgramOptions) =>
  Object.entries(options).map(([key, value]) => `--${key}=${value}`);

/** Whether the preset `release` has built a program. */
export const isBuilt = (name: string) => existsSync(pathOf(name));

/** Runs one trial in a fresh process. Rejects when a check of the program has failed. */
export async function runProgram(
  name: string,
  options: ProgramOptions,
  realtime = false,
): Promise<Outcome> {
  const command = [...(realtime ? REALTIME : []), pathOf(name), ...argumentsOf(options)];
  const limit = { timeout: WATCHDOG_MS };
  const { stdout } = await runFile(command[0] as string, command.slice(1), limit);
  return JSON.parse(stdout) as Outcome;
}

/** A program that stays, and prints a line for each thing that it has done. It ends with its standard
 *  input. */
export class NativeProgram {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(name: string, options: ProgramOptions) {
    const stdio = ['pipe', 'pipe', 'inherit'] as const;
    this.#child = spawn(pathOf(name), argumentsOf(options), { stdio: [...stdio] });
    const { stdout } = this.#child;
    if (!stdout) throw new Error(`${name} has no output`);
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The next line. Rejects when the program ends before, or does not print one. */
  async next(): Promise<Outcome> {
    const watchdog = setTimeout(() => this.#child.kill('SIGKILL'), WATCHDOG_MS);
    try {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error('a program has ended too early');
      return JSON.parse(value) as Outcome;
    } finally {
      clearTimeout(watchdog);
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin?.end();
    await ended;
  }
}

/** A number of an outcome. */
export function number(outcome: Outcome, name: string): number {
  const value = outcome[name];
  if (typeof value !== 'number') throw new Error(`${name} is missing: ${JSON.stringify(outcome)}`);
  return value;
}

/** Throws unless all outcomes have the same hash; returns it. */
export function sameHash(outcomes: readonly Outcome[], name = 'hash'): string {
  const hashes = new Set(outcomes.map((outcome) => String(outcome[name])));
  if (hashes.size !== 1) throw new Error(`trials differ: ${[...hashes].join(', ')}`);
  return [...hashes][0] as string;
}
