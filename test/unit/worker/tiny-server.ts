import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tailSlot } from '../../../src/cache/tail-slot.js';
import { ERRORS, type ErrorCode } from '../../../src/errors/index.js';
import type { PoolOptions } from '../../../src/native/index.js';
import {
  encodeHeaders,
  type Head,
  type Header,
  type RequestHead,
} from '../../../src/protocols/hpks/index.js';
import { Lane, type RingReader, Segment, SlotFlag } from '../../../src/ring/index.js';

/** A folder of one's own for sockets, removed by `clean`. */
export function socketFolder(): { readonly socket: string; clean(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'ur-'));
  return {
    socket: join(folder, 's.sock'),
    clean: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface TinyOptions {
  readonly socket: string;
  readonly pool?: Partial<PoolOptions>;
  readonly requiredObservers?: readonly string[];
  /** Streams of dead workers are offered again. Default true. */
  readonly requeue?: boolean;
}

/** A real segment and the least that an ingress does, by hand. */
export class TinyServer {
  readonly segment: Segment;
  readonly #stopListening: () => void;
  readonly #exchanges = new Map<number, TinyExchange>();
  deaths = 0;

  constructor(options: TinyOptions) {
    this.segment = Segment.create({
      socket: options.socket,
      name: 'tiny',
      maxWorkers: 8,
      requiredObservers: options.requiredObservers ?? [],
      memory: 'fixed',
      warmStreams: 0,
      pools: [
        {
          name: 'main',
          streams: 16,
          slotSize: 4096,
          requestSlots: 8,
          responseSlots: 4,
          stageSlots: 4,
          stages: ['first', 'second'],
          readersPerLane: 8,
          ...options.pool,
        },
      ],
    });
    this.#stopListening = this.segment.onWake(() => {
      for (const event of this.segment.native.takeEvents()) {
        if (event.type !== 'dead') continue;
        this.deaths++;
        if (options.requeue === false) continue;
        for (const exchange of this.#exchanges.values()) exchange.requeueIfOrphan();
      }
    });
  }

  open(head: Partial<RequestHead> = {}): TinyExchange {
    const exchange = new TinyExchange(this.segment, {
      kind: 'request',
      version: 1,
      method: 'POST',
      scheme: 'http',
      authority: 'test.local',
      path: '/upload',
      headers: [],
      ...head,
    });
    this.#exchanges.set(exchange.id, exchange);
    exchange.onClosed = () => this.#exchanges.delete(exchange.id);
    return exchange;
  }

  close(): void {
    this.#stopListening();
    this.segment.close();
  }
}

export interface TinyResponse {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: string;
  readonly trailers: readonly Header[];
}

/** One stream, seen from the ingress. */
export class TinyExchange {
  readonly id: number;
  onClosed: () => void = () => {};
  readonly #segment: Segment;
  readonly #hold: RingReader;
  readonly #writer;
  readonly #head: Uint8Array;
  #response: RingReader;

  constructor(segment: Segment, head: RequestHead) {
    this.#segment = segment;
    this.id = segment.native.openStream(0, 'tiny');
    if (this.id < 0) throw new Error(`openStream: ${this.id}`);
    this.#hold = segment.join(this.id, Lane.request, 0);
    this.#writer = segment.requestWriter(this.id);
    this.#response = segment.join(this.id, Lane.response, 0);
    this.#head = encodeHeaders(this.id, head);
    this.#writer.tryWrite(this.#head, SlotFlag.head);
    segment.native.announce(this.id);
  }

  /** Publishes one slot per call, waiting for room. */
  async write(data: string | Uint8Array): Promise<void> {
    while (!this.tryWrite(data)) await this.#room();
  }

  tryWrite(data: string | Uint8Array): boolean {
    return this.#writer.tryWrite(Buffer.from(data), SlotFlag.body);
  }

  async end(trailers?: readonly Header[]): Promise<void> {
    if (trailers) {
      const head: Head = { kind: 'response', version: 1, status: 200, headers: trailers };
      const frame = encodeHeaders(this.id, head);
      while (!this.#writer.tryWrite(frame, SlotFlag.trailers)) await this.#room();
    }
    while (!this.#writer.tryEnd()) await this.#room();
  }

  /** What is written next begins with a keyframe; the head is repeated. */
  async beginKeyframe(): Promise<void> {
    while (!this.#writer.tryBeginKeyframe(this.#head)) await this.#room();
  }

  /** The hold lets go as soon as the claimer reads. */
  #room(): Promise<void> {
    const { native } = this.#segment;
    return this.#segment.waitFor(this.id, () => {
      const owner = native.ownerOf(this.id, Lane.response);
      if (owner >= 0 && native.readersOf(this.id, Lane.request, owner) > 0) this.#hold.leave();
      return this.#writer.poll();
    });
  }

  /** Resolves when the lane has a new slot. */
  async waitForResponse(): Promise<void> {
    await this.#response.wait();
  }

  get responseLast(): number {
    return this.#response.last;
  }

  /** Reads the whole response. Rejects with what the worker gave up with. */
  async response(): Promise<TinyResponse> {
    let status = 0;
    let headers: readonly Header[] = [];
    let trailers: readonly Header[] = [];
    const body: Buffer[] = [];
    for (;;) {
      const slot = this.#response.tail();
      if (!slot) {
        await this.#response.wait();
        continue;
      }
      const read = tailSlot(slot.id, slot.bytes, slot.flags, true);
      if (read.type === 'headers' && read.head.kind === 'response') {
        status = read.head.status;
        headers = read.head.headers;
      } else if (read.type === 'body') body.push(Buffer.from(read.bytes));
      else if (read.type === 'trailers') trailers = read.headers;
      this.#response.release(slot.id);
      if (read.type === 'end') break;
    }
    return { status, headers, body: Buffer.concat(body).toString(), trailers };
  }

  abort(code: ErrorCode): void {
    this.#segment.native.abort(this.id, ERRORS[code].number);
  }

  evict(worker: number, lane: number = Lane.request): number {
    return this.#segment.native.evict(this.id, lane, worker);
  }

  requeueIfOrphan(): void {
    const { native } = this.#segment;
    if (native.ownerOf(this.id, Lane.response) !== -2) return;
    this.#response.leave();
    native.requeue(this.id);
    this.#response = this.#segment.join(this.id, Lane.response, 0);
    native.announceAll(this.id);
  }

  /** Closes the stream; resolves when nobody holds anything of it. */
  async close(): Promise<void> {
    const { native } = this.#segment;
    this.#hold.leave();
    this.#response.leave();
    this.#writer.release();
    native.closeStream(this.id);
    await this.#segment.waitFor(this.id, () => (native.reclaim(this.id) === 0 ? 0 : 1));
    this.onClosed();
  }

  /** Names of what is still held. */
  get held(): string[] {
    const { native, worker } = this.#segment;
    const own = [
      native.readerCount(this.id, Lane.request) - native.readersOf(this.id, Lane.request, worker),
      native.ownerOf(this.id, Lane.response),
    ];
    return own[0] || own[1] !== -1 ? [`readers ${own[0]}`, `owner ${own[1]}`] : [];
  }
}
