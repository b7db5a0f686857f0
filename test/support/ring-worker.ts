/**
 * A worker process for tests, on src/ring alone: what it does with a request is the last part of the
 * request's path. Run by `worker-process.ts`, to which it reports by IPC.
 */
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { ERRORS } from '../../src/errors/index.js';
import { decodeHeaders, encodeHeaders, type Header } from '../../src/protocols/hpks/index.js';
import {
  Lane,
  type RingReader,
  type RingWriter,
  Segment,
  SlotFlag,
  WorkerRole,
} from '../../src/ring/index.js';
import { routeOf } from './tcp-routes.js';

const [socket = '', observer = ''] = process.argv.slice(2);
const text = (value: string) => new TextEncoder().encode(value);
const report = (event: object) => process.send?.(event);

const segment = await Segment.attach({
  socket,
  name: observer || `worker-${process.pid}`,
  role: observer ? WorkerRole.observer : WorkerRole.responder,
  observer: observer.startsWith('required-') ? observer : '',
  capacity: 0,
});
const observerIndex = segment.description.requiredObservers.indexOf(observer);

/** One stream that this worker has taken. */
class Work {
  readonly target: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: ReadonlyMap<string, string>;
  trailers: readonly Header[] = [];

  constructor(
    readonly id: number,
    bytes: Uint8Array,
  ) {
    const { head } = decodeHeaders(bytes).frame;
    if (head.kind !== 'request') throw new Error('not a request');
    const fields = new Map(head.headers);
    const route = head.path === '/tcp' ? routeOf(fields.get('x-peer-addr') ?? '') : undefined;
    this.target = route?.path ?? head.path;
    const url = new URL(this.target, 'http://localhost');
    this.path = url.pathname.split('/').pop() ?? '';
    this.query = url.searchParams;
    this.headers = new Map([...head.headers, ...Object.entries(route?.headers ?? {})]);
  }

  option(name: string, otherwise = 0): number {
    return Number(this.query.get(name) ?? otherwise);
  }

  async *body(): AsyncGenerator<Uint8Array> {
    const reader = segment.join(this.id, Lane.request, 0);
    report({ event: 'reading', gap: reader.gap });
    try {
      for await (const slot of reader.slots()) {
        if (slot.flags & SlotFlag.body) yield slot.bytes;
        if (slot.flags & SlotFlag.trailers) {
          this.trailers = decodeHeaders(slot.bytes.slice()).frame.head.headers;
        }
      }
    } finally {
      reader.leave();
    }
  }

  async hash(onChunk?: () => Promise<unknown>): Promise<{ bytes: number; sha256: string }> {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of this.body()) {
      hash.update(chunk);
      bytes += chunk.length;
      await onChunk?.();
    }
    return { bytes, sha256: hash.digest('hex') };
  }

  head(status: number, headers: readonly Header[] = []): Uint8Array {
    return encodeHeaders(this.id, { kind: 'response', version: 1, status, headers });
  }
}

type Behaviour = (work: Work, writer: RingWriter) => Promise<void>;

async function respond(work: Work, writer: RingWriter, body: unknown, headers: Header[] = []) {
  await writer.write(work.head(200, headers), SlotFlag.head);
  const bytes = text(typeof body === 'string' ? body : JSON.stringify(body));
  if (bytes.length > 0) await writer.append(bytes);
  await writer.end();
}

const die = () => process.kill(process.pid, 'SIGKILL');
/** What waits for a promise that nobody holds may be collected, and a collected reader has left its lane. */
const kept = new Set<RingReader>();
const never = () => new Promise<void>(() => {});

const behaviours: Record<string, Behaviour> = {
  async hash(work, writer) {
    const result = await work.hash();
    await respond(work, writer, { ...result, trailers: work.trailers, worker: process.pid });
  },
  /** Of a raw TCP connection for which nobody has left a route. */
  async tcp(work, writer) {
    await behaviours.hash?.(work, writer);
  },
  async head(work, writer) {
    await work.hash();
    await respond(work, writer, [...work.headers]);
  },
  async target(work, writer) {
    await work.hash();
    await respond(work, writer, work.target);
  },
  async slow(work, writer) {
    await respond(work, writer, await work.hash(() => delay(work.option('ms', 5))));
  },
  async echo(work, writer) {
    await writer.write(work.head(200, [['x-echo', 'yes']]), SlotFlag.head);
    for await (const chunk of work.body()) await writer.append(chunk);
    if (work.trailers.length > 0) {
      const { trailers: headers } = work;
      const frame = { kind: 'response', version: 1, status: 200, headers } as const;
      await writer.write(encodeHeaders(work.id, frame), SlotFlag.trailers);
    }
    await writer.end();
  },
  /** Answers without reading. */
  async early(work, writer) {
    await respond(work, writer, 'early');
  },
  /** Begins its answer before it reads. */
  async overlap(work, writer) {
    await writer.write(work.head(200), SlotFlag.head);
    await writer.append(text('first\n'));
    const { bytes, sha256 } = await work.hash();
    await writer.append(text(`${bytes} ${sha256}\n`));
    await writer.end();
  },
  async bytes(work, writer) {
    await work.hash();
    await writer.write(work.head(200), SlotFlag.head);
    const chunk = new Uint8Array(work.option('chunk', 65_536)).fill(0x61);
    for (let left = work.option('n'); left > 0; left -= chunk.length) {
      await writer.append(chunk.subarray(0, Math.min(left, chunk.length)));
    }
    await writer.end();
  },
  async status(work, writer) {
    await work.hash();
    const headers = [...work.query]
      .filter(([name]) => name.startsWith('h.'))
      .map(([name, value]): Header => [name.slice(2), value]);
    await writer.write(work.head(work.option('code', 200), headers), SlotFlag.head);
    if (work.query.has('wait')) await delay(work.option('wait'));
    const body = work.query.get('body');
    if (body) await writer.append(text(body));
    await writer.end();
  },
  /** Writes the hex bytes of `x-slots` as they are: `flags:bytes`, separated by commas. */
  async raw(work, writer) {
    await work.hash();
    for (const slot of (work.headers.get('x-slots') ?? '').split(',')) {
      const [flags = '0', hex = ''] = slot.split(':');
      await writer.write(Buffer.from(hex, 'hex'), Number(flags));
    }
    await never();
  },
  /** The first worker dies before it answers, the others do not. */
  async 'die-once'(work, writer) {
    const mark = work.query.get('mark') ?? '';
    if (!existsSync(mark)) {
      writeFileSync(mark, '');
      if (work.query.has('head')) writer.tryReserve();
      die();
    }
    await behaviours.hash?.(work, writer);
  },
  /** The first worker dies when the lane is full, without having read. */
  async 'die-full'(work, writer) {
    const mark = work.query.get('mark') ?? '';
    if (!existsSync(mark)) {
      writeFileSync(mark, '');
      const lane = () => segment.native.streams().find(({ id }) => id === work.id)?.lanes[0];
      while (!lane()?.full) await delay(1);
      die();
    }
    await behaviours.hash?.(work, writer);
  },
  async 'die-reading'(work) {
    let bytes = 0;
    for await (const chunk of work.body()) {
      bytes += chunk.length;
      if (bytes > work.option('after')) die();
    }
  },
  async 'die-answering'(work, writer) {
    await writer.write(work.head(200), SlotFlag.head);
    await writer.append(text('begun\n'));
    await work.hash();
    die();
  },
  async 'die-complete'(work, writer) {
    await work.hash();
    await respond(work, writer, 'complete');
    die();
  },
  /** With `head` it begins its answer before it reads. */
  async fail(work, writer) {
    if (work.query.has('head')) {
      await writer.write(work.head(200), SlotFlag.head);
      await writer.append(text('begun\n'));
    }
    await work.hash();
    await delay(work.option('wait'));
    writer.fail(ERRORS.WORKER_FAILED.number);
  },
  async release() {},
  /** Reads nothing, and keeps what it has joined. */
  async stuck(work) {
    kept.add(segment.join(work.id, Lane.request, 0));
    await never();
  },
  /** Keeps one slot for ever. */
  async pinned(work) {
    const keeper = segment.join(work.id, Lane.request, 0);
    kept.add(keeper);
    while (!keeper.tail()) await keeper.wait();
    keeper.native.pin(1);
    keeper.leave();
    await never();
  },
  /** Reads, and never answers. */
  async silent(work) {
    await work.hash();
    await never();
  },
  /** Claims, and does not even read. */
  async idle() {
    await never();
  },
};

const taken = new Set<number>();

function release(id: number, writer: RingWriter | undefined): void {
  taken.delete(id);
  try {
    writer?.release();
  } catch {}
}

async function take(id: number): Promise<void> {
  if (id === 0 || taken.has(id) || segment.native.lastOf(id, Lane.request) < 1) return;
  const pool = segment.description.pools[segment.native.poolOf(id)];
  const slot = new Uint8Array(pool?.slotSize ?? 0);
  const length = segment.native.copySlot(id, Lane.request, 1, slot, new Uint32Array(1));
  if (length <= 0) return;
  const work = new Work(id, slot.subarray(0, length));
  if (observer) return observe(work);
  const behaviour = behaviours[work.path];
  if (!behaviour) return;
  const writer = segment.tryClaim(id, Lane.response);
  if (!writer) return;
  taken.add(id);
  report({ event: 'claimed', path: work.path });
  try {
    await Promise.race([behaviour(work, writer), aborted(id)]);
  } catch (error) {
    const { code } = error as { code?: string };
    report({ event: 'failed', code: code ?? String(error), abort: abortOf(id) });
  }
  release(id, writer);
}

/** Observers read everything and then say what the request's `x-verdict` tells them to. */
async function observe(work: Work): Promise<void> {
  taken.add(work.id);
  try {
    if (observerIndex >= 0) {
      const [verdict = 'pass', status = '0', reason = ''] = (
        work.headers.get('x-verdict') ?? ''
      ).split(':');
      if (segment.native.holdVerdict(work.id, observerIndex) !== 0) return;
      const seen = await work.hash();
      report({ event: 'observed', ...seen });
      const mark = work.query.get('mark') ?? '';
      if (verdict === 'die' && !existsSync(mark)) {
        if (mark) writeFileSync(mark, '');
        die();
      }
      if (verdict === 'silent') return;
      const pass = verdict !== 'veto';
      segment.native.giveVerdict(work.id, observerIndex, pass, Number(status), reason);
    } else {
      const ms = Number(work.headers.get('x-observe-ms') ?? 0);
      report({ event: 'observed', ...(await work.hash(() => delay(ms))) });
    }
  } catch (error) {
    report({ event: 'failed', code: (error as { code?: string }).code ?? String(error) });
  } finally {
    taken.delete(work.id);
  }
}

function abortOf(id: number): string | undefined {
  const number = segment.native.abortCode(id);
  return Object.entries(ERRORS).find(([, entry]) => entry.number === number)?.[0];
}

/** Rejects when the stream is aborted or closed. */
function aborted(id: number): Promise<never> {
  return new Promise((_, reject) => {
    segment.addWaiter(id, () => {
      const over = segment.native.isOpen(id) === 0 || segment.native.abortCode(id) > 0;
      if (over) reject(Object.assign(new Error('over'), { code: 'OVER' }));
      return over;
    });
  });
}

const look = (id: number) =>
  void take(id).catch((error) => report({ event: 'broken', message: String(error) }));

segment.onStream((index) => look(segment.native.streamAt(index)));
segment.onWake(() => {
  if (!segment.native.connected()) process.exit(0);
});
segment.native.waitForStreams(true);
process.on('disconnect', () => process.exit(0));
process.on('message', (message) => {
  if (message === 'stop') {
    segment.close();
    process.exit(0);
  }
  // It comes back behind all that was reported.
  report(message as object);
});
report({ event: 'ready', worker: segment.worker });
for (const id of segment.native.listStreams(observer === '')) look(id);
