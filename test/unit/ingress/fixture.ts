import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UploadResponseError } from '../../../src/errors/index.js';
import type {
  ErrorAnswer,
  IngressExchange,
  Limits,
  ResponseSink,
} from '../../../src/ingress/index.js';
import { Ingress } from '../../../src/ingress/index.js';
import { encodeHeaders, type Header, type RequestHead } from '../../../src/protocols/hpks/index.js';
import {
  Lane,
  type RingReader,
  type RingWriter,
  Segment,
  SlotFlag,
  WorkerRole,
} from '../../../src/ring/index.js';
import { until } from '../../support/until.js';

export const SLOT = 4096;
export const SLOTS = 4;

export const HEAD: RequestHead = {
  kind: 'request',
  version: 1,
  method: 'POST',
  scheme: 'http',
  authority: 'localhost',
  path: '/upload',
  headers: [['x', 'y']],
};

/** A sink that keeps what it is given, and takes views only when it is told to. */
export class Sink implements ResponseSink {
  readonly views: Uint8Array[] = [];
  readonly taken: (() => void)[] = [];
  readonly calls: string[] = [];
  status = 0;
  headers: readonly Header[] = [];
  /** What `body` answers. */
  room = true;
  error: UploadResponseError | undefined;
  answer: ErrorAnswer | undefined;

  head(status: number, headers: readonly Header[]): void {
    this.calls.push('head');
    this.status = status;
    this.headers = headers;
  }
  body(view: Uint8Array, taken: () => void): boolean {
    this.calls.push('body');
    this.views.push(view);
    this.taken.push(taken);
    return this.room;
  }
  trailers(): void {
    this.calls.push('trailers');
  }
  end(): void {
    this.calls.push('end');
  }
  fail(error: UploadResponseError, answer: ErrorAnswer): void {
    this.calls.push('fail');
    this.error = error;
    this.answer = answer;
  }
  takeAll(): void {
    for (const taken of this.taken.splice(0)) taken();
  }
}

/** An ingress on a real segment, and a worker's attachment to it in the same process. */
export class Fixture {
  readonly segment: Segment;
  readonly ingress: Ingress;
  resumed = 0;
  readonly #folder = mkdtempSync(join(tmpdir(), 'ur-ingress-'));
  readonly #workers: Segment[] = [];

  constructor(limits: Partial<Limits> = {}, streams = 2) {
    this.segment = Segment.create({
      socket: this.socket,
      name: 'server',
      maxWorkers: 8,
      requiredObservers: [],
      memory: 'fixed',
      warmStreams: 0,
      pools: [
        {
          name: 'main',
          streams,
          slotSize: SLOT,
          requestSlots: SLOTS,
          responseSlots: SLOTS,
          stageSlots: 2,
          stages: [],
          readersPerLane: 4,
        },
      ],
    });
    this.ingress = new Ingress({ segment: this.segment, limits });
  }

  get socket(): string {
    return join(this.#folder, 's.sock');
  }

  async worker(): Promise<Segment> {
    const worker = await Segment.attach({
      socket: this.socket,
      name: 'worker',
      role: WorkerRole.responder,
      observer: '',
      capacity: 1,
    });
    worker.native.waitForStreams(true);
    this.#workers.push(worker);
    return worker;
  }

  open(
    sink: Sink = new Sink(),
    head: RequestHead = HEAD,
    givesChunksAway = false,
    live = false,
  ): IngressExchange {
    return this.ingress.open({
      transport: 'test',
      pool: 0,
      head,
      sink,
      givesChunksAway,
      live,
      onResume: () => {
        this.resumed++;
      },
    });
  }

  async free(): Promise<void> {
    await until(() => this.segment.native.streams().length === 0, 'every stream to be free');
  }

  close(): void {
    for (const worker of this.#workers) worker.close();
    this.ingress.close();
    this.segment.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What a worker does with one stream. */
export class Job {
  readonly reader: RingReader;
  readonly writer: RingWriter;

  constructor(
    readonly worker: Segment,
    readonly id: number,
  ) {
    const writer = worker.tryClaim(id, Lane.response);
    if (!writer) throw new Error('claimed already');
    this.writer = writer;
    this.reader = worker.join(id, Lane.request, 0);
  }

  head(status = 200, headers: readonly Header[] = []): void {
    const frame = encodeHeaders(this.id, { kind: 'response', version: 1, status, headers });
    if (!this.writer.tryWrite(frame, SlotFlag.head)) throw new Error('full');
  }

  body(text: string | Uint8Array): void {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    if (!this.writer.tryWrite(bytes, SlotFlag.body)) throw new Error('full');
  }

  end(): void {
    if (!this.writer.tryEnd()) throw new Error('full');
    this.leave();
  }

  leave(): void {
    this.reader.leave();
    this.writer.release();
  }

  /** Reads and releases everything that has been published. */
  read(): { bytes: number; slots: number; ended: boolean } {
    let bytes = 0;
    let slots = 0;
    for (let slot = this.reader.tail(); slot; slot = this.reader.tail()) {
      this.reader.release(slot.id);
      if (slot.flags & SlotFlag.end) return { bytes, slots, ended: true };
      if (!(slot.flags & SlotFlag.body)) continue;
      bytes += slot.bytes.length;
      slots++;
    }
    return { bytes, slots, ended: false };
  }
}
