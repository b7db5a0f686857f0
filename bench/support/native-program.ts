import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { REALTIME } from './realtime.js';

const folder = fileURLToPath(new URL('../../out/release/bench/', import.meta.url));
const runFile = promisify(execFile);

/** What a program of bench/native printed. */
export type Outcome = Readonly<Record<string, number | string>>;

/** Runs one trial in a fresh process. Rejects when a check of the program has failed. */
export async function runProgram(
  name: string,
  options: Readonly<Record<string, number>>,
  realtime = false,
): Promise<Outcome> {
  const args = Object.entries(options).map(([key, value]) => `--${key}=${value}`);
  const command = [...(realtime ? REALTIME : []), join(folder, name), ...args];
  const { stdout } = await runFile(command[0] as string, command.slice(1), { timeout: 120_000 });
  return JSON.parse(stdout) as Outcome;
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
