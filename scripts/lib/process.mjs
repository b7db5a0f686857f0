import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root } from './files.mjs';

const running = new Set();
const keptOutput = 4 * 1024 * 1024;

function killGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    for (const child of running) killGroup(child, 'SIGKILL');
    process.kill(process.pid, signal);
  });
}

/**
 * Runs a command in a process group of its own, and kills the whole group when its time is up or
 * when this process is told to stop: a test's servers and workers must not outlive it.
 *
 * `onOutput` gets the output as it comes; without it the output is only kept. Never rejects for an
 * exit code: the answer says how it ended.
 */
export function run(command, args, { cwd = root, env = {}, timeoutSeconds, onOutput } = {}) {
  return new Promise((resolve) => {
    let output = '';
    let timedOut = false;
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    running.add(child);
    const timer =
      timeoutSeconds &&
      setTimeout(() => {
        timedOut = true;
        killGroup(child, 'SIGKILL');
      }, timeoutSeconds * 1000);

    const finish = (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      if (timedOut) output += `\nkilled after ${Math.round(timeoutSeconds)} s\n`;
      resolve({ ok: code === 0 && !timedOut, code, signal, timedOut, output });
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        output = (output + text).slice(-keptOutput);
        onOutput?.(text);
      });
    }
    child.once('error', (error) => {
      output += `${error.message}\n`;
      finish(127, null);
    });
    // What a leader has left behind would hold the pipes open, and this process with them.
    child.once('exit', () => {
      if (child.pid) killGroup(child, 'SIGKILL');
    });
    child.once('close', finish);
  });
}

/** As run(), but a failure throws an error that carries the output. */
export async function runOrThrow(command, args, options) {
  const result = await run(command, args, options);
  if (result.ok) return result;
  const ending = result.signal ? `was killed by ${result.signal}` : `exited with ${result.code}`;
  throw Object.assign(new Error(`${command} ${args.join(' ')} ${ending}`), {
    output: result.output,
  });
}

/** The path of a program of PATH, or undefined. */
export function which(program) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Looked for in the next folder.
    }
  }
  return undefined;
}

/** A program of node_modules, as the arguments of Node: no shell, no wrapper script. */
export function nodeProgram(path, args = []) {
  return [process.execPath, [join(root, 'node_modules', path), ...args]];
}
