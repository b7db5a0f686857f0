import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { setRealtime } from '../support/realtime.js';
import { Answer } from './answer.js';
import { type Feeder, type FeedKind, PIECE_BYTES, type RequestStream } from './feeders/feeder.js';
import { RingFeeder } from './feeders/ring-feeder.js';
import { HttpFeeder, UnixFeeder } from './feeders/socket-feeders.js';
import { type Language, type Work, WorkerProgram } from './worker-program.js';

export const MESSAGE_BYTES = 64;
const PACE_MS = 3;

/** One worker in one process, fed in one way. */
export interface Setting {
  readonly language: Language;
  readonly from: FeedKind;
  readonly realtime: boolean;
}

/** What an echo of a body cost. */
export interface EchoOutcome {
  readonly seconds: number;
  readonly hash: string;
  readonly workerCpuSeconds: number;
  readonly feederCpuSeconds: number;
}

/** Sends `source`, repeated up to `length` bytes, and takes it back; `compare`: each byte. */
export function echo(
  setting: Setting,
  source: Uint8Array,
  length: number,
  compare = false,
): Promise<EchoOutcome> {
  return withWorker(setting, 'echo', async (worker, feeder) => {
    const answer = new Answer(length, 0, compare ? source : undefined);
    const cpu = process.cpuUsage();
    const begin = performance.now();
    const stream = await feeder.open(worker.ready, length, answer);
    await worker.orEnd(Promise.race([writeAll(stream, source, length), broken(stream)]));
    await worker.orEnd(stream.answered);
    const seconds = (performance.now() - begin) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const { bytes, hash, cpuSeconds } = answer.report();
    if (bytes !== length) throw new Error(`the worker read ${bytes} bytes of ${length}`);
    const feederCpuSeconds = (user + system) / 1e6;
    return { seconds, hash, workerCpuSeconds: cpuSeconds, feederCpuSeconds };
  });
}

/** How old each of `count` messages was in the worker's hands, in nanoseconds. */
export function ages(setting: Setting, count: number): Promise<number[]> {
  return withWorker(setting, 'ages', async (worker, feeder) => {
    const answer = new Answer(count * 8, count * 8);
    const stream = await feeder.open(worker.ready, count * MESSAGE_BYTES, answer);
    for (let i = 0; i < count; i++) {
      // The worker sleeps by now.
      await delay(PACE_MS);
      const message = Buffer.alloc(MESSAGE_BYTES);
      message.writeBigUInt64LE(process.hrtime.bigint());
      stream.write(message);
    }
    stream.end();
    await worker.orEnd(stream.answered);
    answer.report();
    return Array.from({ length: count }, (_, i) => Number(answer.kept.readBigUInt64LE(i * 8)));
  });
}

async function withWorker<Value>(
  { language, from, realtime }: Setting,
  work: Work,
  run: (worker: WorkerProgram, feeder: Feeder) => Promise<Value>,
): Promise<Value> {
  const folder = mkdtempSync(join(tmpdir(), 'ur-bench-'));
  const feeder = await feederOf(from, folder);
  try {
    const worker = await WorkerProgram.start(language, from, feeder.address, work, realtime);
    try {
      if (realtime) setRealtime([process.pid], true);
      return await run(worker, feeder);
    } finally {
      if (realtime) setRealtime([process.pid], false);
      await worker.stop();
    }
  } finally {
    await feeder.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function feederOf(from: FeedKind, folder: string): Promise<Feeder> {
  if (from === 'unix') return new UnixFeeder(folder);
  return from === 'http' ? new HttpFeeder() : RingFeeder.create(folder, from === 'defaults');
}

async function writeAll(stream: RequestStream, source: Uint8Array, length: number): Promise<void> {
  for (let at = 0; at < length; at += PIECE_BYTES) {
    const begin = at % source.length;
    const part = source.subarray(begin, begin + Math.min(PIECE_BYTES, length - at));
    if (!stream.write(part)) await stream.drained();
  }
  stream.end();
}

/** Rejects when the answer breaks off; never resolves. */
function broken(stream: RequestStream): Promise<never> {
  return new Promise((_, reject) => stream.answered.catch(reject));
}
