import { Writable } from 'node:stream';
import { pino } from 'pino';
import type { Logger } from '../ingress/index.js';

/** How the server logs; always on standard error. */
export interface LogOptions {
  readonly level: string;
  /** Lines for people instead of JSON; without it, when standard error is a terminal. */
  readonly pretty?: boolean | undefined;
}

/** The server's logger. */
export function createLogger({ level, pretty = process.stderr.isTTY }: LogOptions): Logger {
  const target = pretty ? readable(process.stderr) : pino.destination({ fd: 2, sync: true });
  return pino({ name: 'upload-response', level }, target);
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
    .filter(([key]) => !PINO_FIELDS.has(key))
    .map(([key, value]) => `  ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${time} ${level.padEnd(5)} ${entry.msg}${fields.join('')}`;
}
