/** A worker process for tests: what it does with a request is the last part of the request's path.
 *  Arguments: socket and options as JSON. It reports by IPC. */
import { createHash } from 'node:crypto';
import {
  attach,
  type Exchange,
  type Observation,
  stopOnSignals,
  type WorkerOptions,
} from '../../../src/worker/index.js';

const [socket = '', json = '{}'] = process.argv.slice(2);
const report = (event: object) => process.send?.(event);
const never = () => new Promise<void>(() => {});

async function hash(work: Exchange | Observation): Promise<{ size: number; sha256: string }> {
  const digest = createHash('sha256');
  let size = 0;
  for await (const { bytes } of work.request.body) {
    digest.update(bytes);
    size += bytes.length;
  }
  return { size, sha256: digest.digest('hex') };
}

const behaviours: Record<string, (exchange: Exchange) => Promise<void>> = {
  async hash(exchange) {
    const result = { ...(await hash(exchange)), pid: process.pid };
    await exchange.respond(200).end(JSON.stringify(result));
  },
  async echo({ request, respond }) {
    const response = respond(200, [['x-worker', 'sdk']]);
    for await (const { bytes } of request.body) await response.write(bytes);
    await response.end();
  },
  /** Reads, and answers only when it is told to. */
  async wait(exchange) {
    const result = await hash(exchange);
    report({ event: 'waiting' });
    await new Promise((resolve) => process.once('message', resolve));
    await exchange.respond(200).end(JSON.stringify(result));
  },
  /** Claims, and keeps its first chunk for ever. */
  async stuck({ request, signal }) {
    await request.body.pull();
    report({ event: 'stuck' });
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  },
  async abort({ request, signal }) {
    signal.addEventListener('abort', () => report({ event: 'aborted', code: signal.reason.code }));
    await request.body.discard();
    await never();
  },
  /** Says nothing and reads nothing. */
  async silent() {
    report({ event: 'silent' });
    await never();
  },
  async throws() {
    throw new Error('mine');
  },
  async big({ respond }) {
    const response = respond(200);
    const block = Buffer.alloc(100_000, 'x');
    for (let i = 0; i < 200; i++) {
      await response.write(block);
      if (i % 20 === 0) report({ event: 'wrote', size: i * block.length });
    }
    await response.end();
  },
};

async function answer(exchange: Exchange): Promise<void> {
  const behaviour = behaviours[exchange.request.path.split('/').pop() ?? ''];
  report({ event: 'taken', path: exchange.request.path });
  await behaviour?.(exchange);
}

/** Refuses what holds the word `virus`. */
async function judge(observation: Observation): Promise<void> {
  report({ event: 'observing' });
  const body = Buffer.from(await observation.request.bytes(1e9)).toString('latin1');
  report({ event: 'observed', size: body.length });
  if (!observation.required) return;
  if (body.includes('virus')) observation.veto(422, 'it holds a virus');
  else observation.pass();
}

const options = {
  ...(JSON.parse(json) as WorkerOptions),
  socket,
  onEvent: (event: { type: string; error?: unknown }) => {
    const { code, message } = (event.error ?? {}) as { code?: string; message?: string };
    report({ event: event.type, code: code ?? message });
  },
};
process.once('disconnect', () => process.exit(0));
const { observer } = options;
if (observer) {
  const worker = await attach({ ...options, observer });
  stopOnSignals(worker);
  void worker.run(judge);
  await worker.closed;
} else {
  const worker = await attach({ ...options, observer: undefined });
  stopOnSignals(worker);
  void worker.run(answer);
  await worker.closed;
}
process.disconnect();
