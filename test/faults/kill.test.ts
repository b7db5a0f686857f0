import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Crew } from './support/crew.js';
import { Random } from './support/random.js';
import { ServerProcess } from './support/server-process.js';
import { upload } from './support/upload.js';

// UR_KILL_SECONDS: how long; UR_SEED: which run.
const seconds = Number(process.env.UR_KILL_SECONDS ?? 60);
const seed = Number(process.env.UR_SEED ?? Date.now() % 1_000_000_000);

const CLIENTS = 6;
const WORKERS = 6;
/** Far more than all limits of the server together: a machine that is slow is no server that hangs. */
const STALL_LIMIT_MS = 20_000;
/** Kills without which a run shows nothing; a slow machine has more time for them. */
const KILLS = seconds;
const MORE_SECONDS = 3 * seconds;
const WORKS = ['tally', 'tally', 'echo', 'echo', 'hoard', 'slow'];

/** What a client may be told besides a right answer; everything else is a fault of the server. */
const HONEST_ERRORS = new Set([
  'reset',
  'WORKER_DIED',
  'WORKER_FAILED',
  'EVICTED',
  'RESPONSE_TIMEOUT',
  'NO_WORKER',
  'NO_FREE_STREAM',
]);

test('workers are killed and stopped at random under load', {
  timeout: (seconds + MORE_SECONDS + 180) * 1000,
}, async (t) => {
  t.diagnostic(`seed ${seed}, ${seconds} s; UR_SEED and UR_KILL_SECONDS choose others`);
  const random = new Random(seed);
  const server = await ServerProcess.start({
    segment: {
      pools: [{ name: 'uploads', streams: 24, requestSlots: 8, responseSlots: 4 }],
      maxWorkers: 32,
    },
    http: { port: 0 },
    limits: {
      evictAfterMs: 300,
      responseTimeoutMs: 1000,
      responseIdleTimeoutMs: 1000,
      noWorkerTimeoutMs: 1000,
      clientStallTimeoutMs: 1500,
      minRateBytesPerSecond: 0,
    },
  });
  const crew = new Crew(server.socket, new Random(seed + 1));
  const outcomes = new Map<string, number>();
  const faults: string[] = [];
  let longestStallMs = 0;
  try {
    await crew.hire(WORKERS);
    const pattern = random.bytes(1 << 20);
    const end = performance.now() + seconds * 1000;
    const latest = end + MORE_SECONDS * 1000;
    const client = async () => {
      while (performance.now() < (crew.counts.killed > KILLS ? end : latest)) {
        const plan = {
          port: server.port,
          work: random.pick(WORKS),
          pattern,
          offset: random.between(0, pattern.length - 1),
          size: random.pick([0, 1, 65536, 300_000, 2_000_000, 12_000_000]) + random.between(0, 9),
          chunked: random.next() < 0.5,
        };
        const result = await upload(plan);
        outcomes.set(result.outcome, (outcomes.get(result.outcome) ?? 0) + 1);
        longestStallMs = Math.max(longestStallMs, result.longestStallMs);
        const what = `${plan.work}, ${plan.size} bytes: ${result.outcome}`;
        if (!result.correct) faults.push(`wrong bytes: ${what}`);
        if (result.longestStallMs > STALL_LIMIT_MS) {
          faults.push(`stalled ${Math.round(result.longestStallMs)} ms: ${what}`);
        }
        if (result.outcome !== 'whole' && !HONEST_ERRORS.has(result.outcome)) {
          faults.push(`unexpected answer: ${what}`);
        }
      }
    };
    const chaos = setInterval(() => crew.hurt(), 120);
    await Promise.all(Array.from({ length: CLIENTS }, client));
    clearInterval(chaos);
    crew.calm();
    await server.free(WORKERS, 60_000);
    await crew.dismiss();
    await server.free(0, 60_000);
    const { workersDiedTotal, evictionsTotal, requeuesTotal, tornSlotsTotal } =
      await server.state();
    t.diagnostic(`outcomes ${JSON.stringify(Object.fromEntries(outcomes))}`);
    t.diagnostic(`faults done ${JSON.stringify(crew.counts)}`);
    const seen = { workersDiedTotal, evictionsTotal, requeuesTotal, tornSlotsTotal };
    t.diagnostic(`server saw ${JSON.stringify(seen)}`);
    t.diagnostic(`longest stall ${Math.round(longestStallMs)} ms`);
    assert.deepEqual(faults, []);
    assert.ok((outcomes.get('whole') ?? 0) > seconds, 'the load went through');
    assert.ok(crew.counts.killed > KILLS, 'workers were killed');
  } finally {
    await crew.dismiss();
    await server.stop();
  }
});
