import { hostname } from 'node:os';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import type { Logger } from '../ingress/index.js';

/** How the server logs; always on standard error. */
export interface LogOptions {
  readonly level: string;
  /** Lines for people instead of JSON; without it, when standard error is a terminal. */
  readonly pretty?: boolean | undefined;
}

/** A server's log, and what can be said and asked of it beside its lines. */
export interface ServerLog {
  readonly log: Logger;
  /** Lines that were not written, since whoever reads them was too slow. */
  readonly droppedLines: number;
  setLevel(level: string): void;
  /** Resolves when what was logged has been written, or after a second. */
  flush(): Promise<void>;
}

/** What may wait for a slow reader of standard error; the next lines are dropped. */
const MAX_WAITING_BYTES = 4 * 2 ** 20;
/** POSIX writes so much to a pipe in one piece (PIPE_BUF on Linux), whoever else writes to it. */
const PIECE_BYTES = 4096;
const FLUSH_MS = 1000;

/** The log of the server process of this name. Nothing waits for standard error: a reader that stops costs
 *  lines, no requests. */
export function createLog(options: LogOptions, name: string): ServerLog {
  const { level, pretty = process.stderr.isTTY } = options;
  const base = { pid: process.pid, hostname: hostname(), process: name };
  const settings = { name: 'upload-response', level, base };
  return pretty ? new ReadableLog(settings) : new JsonLog(settings);
}

/** A log that somebody else has made. */
export function foreignLog(log: Logger): ServerLog {
  return { log, droppedLines: 0, setLevel: () => {}, flush: () => Promise.resolve() };
}

class JsonLog implements ServerLog {
  droppedLines = 0;
  readonly log: pino.Logger;

  constructor(settings: pino.LoggerOptions) {
    const target = pino.destination({
      fd: 2,
      sync: false,
      // With 0 a flush would not wait for what is being written.
      minLength: 1,
      maxLength: MAX_WAITING_BYTES,
      maxWrite: PIECE_BYTES,
    });
    target.on('drop', () => this.droppedLines++);
    this.log = pino(settings, target);
  }

  setLevel(level: string): void {
    this.log.level = level;
  }

  flush(): Promise<void> {
    return new Promise((resolve) => {
      const late = setTimeout(resolve, FLUSH_MS);
      this.log.flush(() => {
        clearTimeout(late);
        resolve();
      });
    });
  }
}

class ReadableLog implements ServerLog {
  readonly droppedLines = 0;
  readonly log: pino.Logger;

  constructor(settings: pino.LoggerOptions) {
    this.log = pino(settings, readable(process.stderr));
  }

  setLevel(level: string): void {
    this.log.level = level;
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }
}

const PINO_FIELDS = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg']);

/** Turns lines of JSON into `12:34:56 warn  message  key=value`. */
function readable(out: NodeJS.WritableStream): Writable {
  return new Writable({
    write(line: Buffer, _encoding, done) {
      out.write(`${format(JSON.parse(line.toString()))}\n`, () => done());
    },
  });
}

function format(entry: Record<string, unknown>): string {
  const time = new Date(entry.time as number).toTimeString().slice(0, 8);
  const level = pino.levels.labels[entry.level as number] ?? '';
  const fields = Object.entries(entry)
    .filter(([key, value]) => !PINO_FIELDS.has(key) && value !== null)
    .filter(([key, value]) => key !== 'process' || value !== 'server')
    .map(([key, value]) => `  ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  // What clients and workers chose must not speak to the terminal.
  const text = `${entry.msg}${fields.join('')}`.replace(/[\p{C}\u2028\u2029]/gu, '?');
  return `${time} ${level.padEnd(5)} ${text}`;
}
