import { setTimeout as delay } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { humanBytes } from '../../config/units.js';
import { UploadResponseError } from '../../errors/index.js';
import type { Segment } from '../../ring/index.js';
import { exitCodesText } from '../exit-codes.js';
import { withFacts } from '../facts.js';
import { attachMonitor } from '../monitor.js';
import { count, duration, socketOption } from '../options.js';
import { RateMeter, type StreamRate } from '../rates.js';
import { Screen } from '../screen.js';
import { type KnownHeads, type Snapshot, takeSnapshot } from '../snapshot.js';
import { socketPath } from '../socket.js';
import { type Style, styleFor } from '../terminal.js';
import { streamLines, summaryLines, workerLines } from '../views.js';

interface TopOptions {
  readonly socket?: string;
  readonly interval: number;
  readonly count?: number;
  readonly json?: boolean;
}

/** Adds `top` to the program. */
export function addTop(program: Command): void {
  program
    .command('top')
    .summary('watch the streams and workers of a running server')
    .description(
      'A live table of streams, readers, lag, claims and workers, read out of the shared memory ' +
        'without disturbing anybody. Rates are slots times the mean length of the newest slots. ' +
        'q or Ctrl-C ends it.',
    )
    .addOption(socketOption())
    .addOption(
      new Option('-i, --interval <duration>', 'time between two looks, at least 20ms')
        .argParser(interval)
        .default(1000, '1s'),
    )
    .option('-n, --count <number>', 'end after this many looks', count(1))
    .option('--json', 'one line of JSON for each look (docs/cli.md describes it)')
    .addHelpText(
      'after',
      `
Examples:
  upload-response top
  upload-response top --json --interval 5s | jq '.rates'
${exitCodesText('ok', 'failed', 'unreachable')}`,
    )
    .action(top);
}

/** Looking costs the machine time that it has for the streams. */
const LEAST_INTERVAL_MS = 20;

function interval(text: string): number {
  const value = duration(text);
  if (value >= LEAST_INTERVAL_MS) return value;
  throw new InvalidArgumentError(`Accepted: a duration of at least ${LEAST_INTERVAL_MS}ms.`);
}

async function top(options: TopOptions): Promise<void> {
  const socket = await socketPath(options);
  const segment = await attachMonitor(socket);
  const stop = new AbortController();
  const end = () => stop.abort();
  process.once('SIGINT', end).once('SIGTERM', end);
  const live = Boolean(process.stdout.isTTY) && !options.json;
  const screen = live ? new Screen(process.stdin, process.stdout, end) : undefined;
  try {
    const state: Looking = { socket, segment, meter: new RateMeter(segment), heads: new Map() };
    for (let looks = 0; !stop.signal.aborted; ) {
      if (!segment.native.connected()) throw new UploadResponseError('SERVER_GONE', socket);
      await look(state, options.json ?? false, screen);
      if (++looks === options.count) break;
      await delay(options.interval, undefined, { signal: stop.signal }).catch(() => {});
    }
  } finally {
    screen?.close();
    segment.close();
    process.off('SIGINT', end).off('SIGTERM', end);
  }
}

interface Looking {
  readonly socket: string;
  readonly segment: Segment;
  readonly meter: RateMeter;
  readonly heads: KnownHeads;
}

async function look(state: Looking, json: boolean, screen: Screen | undefined): Promise<void> {
  const seen = takeSnapshot(state.segment, state.heads);
  const rates = state.meter.measure(seen);
  const snapshot = await withFacts(state.socket, seen);
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...snapshot, rates: ratesJson(rates) })}\n`);
    return;
  }
  const style = styleFor(process.stdout);
  const lines = frame(snapshot, rates, style, screen?.columns);
  if (screen) screen.draw([...lines, '', style.dim('q quits')]);
  else process.stdout.write(`${lines.join('\n')}\n\n`);
}

function total(rates: ReadonlyMap<number, StreamRate>): StreamRate {
  let sum = { in: 0, out: 0 };
  for (const rate of rates.values()) sum = { in: sum.in + rate.in, out: sum.out + rate.out };
  return sum;
}

function ratesJson(rates: ReadonlyMap<number, StreamRate>): object {
  const round = (rate: StreamRate) => ({
    inBytesPerSecond: Math.round(rate.in),
    outBytesPerSecond: Math.round(rate.out),
  });
  const streams = Object.fromEntries([...rates].map(([id, rate]) => [id, round(rate)]));
  return { ...round(total(rates)), streams };
}

function frame(
  snapshot: Snapshot,
  rates: ReadonlyMap<number, StreamRate>,
  style: Style,
  width: number | undefined,
): string[] {
  const sum = total(rates);
  const [first = '', ...more] = summaryLines(snapshot, style);
  return [
    first,
    ...more,
    `${style.bold('rate')} in ${humanBytes(sum.in)}/s, out ${humanBytes(sum.out)}/s`,
    '',
    ...workerLines(snapshot, style, width),
    '',
    ...(snapshot.streams.length > 0
      ? streamLines(snapshot, rates, style, width)
      : [style.dim('no open streams')]),
  ];
}
