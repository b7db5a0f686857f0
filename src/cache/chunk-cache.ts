import { ERRORS, type ErrorCode, throwIfError, UploadResponseError } from '../errors/index.js';
import type { WorkerInfo } from '../native/index.js';
import type { Header, RequestHead, ResponseHead } from '../protocols/hpks/index.js';
import { Lane, type Segment, WorkerRole } from '../ring/index.js';
import { type LaneName, LaneTable } from './lane-table.js';
import type { TailSlot } from './tail-slot.js';

/**
 * The origin's operations over a segment, for the process that created it and for workers alike.
 * Nothing blocks: `tail*` and `try*` answer at once, `append*` and `end*` resolve when there was room.
 * A full lane waits for its slowest reader, and for a first one where there is none.
 *
 * Every operation throws an UploadResponseError; STALE_STREAM, or why it was aborted, when the stream
 * has gone.
 */
export class ChunkCache {
  readonly #segment: Segment;
  readonly #table: LaneTable;

  constructor(segment: Segment) {
    this.#segment = segment;
    this.#table = new LaneTable(segment);
  }

  /** Gives everything back and detaches the mapping: views become empty. Idempotent. */
  close(): void {
    this.#segment.close();
  }

  /** Ids of the open streams whose headers can be read. */
  listStreams(unclaimedOnly = false): number[] {
    return this.#segment.native.listStreams(unclaimedOnly);
  }

  /** `listener` runs when this process is told of a stream of which it holds nothing; a stream that it
   *  does not take may come again. Returns the way to stop. */
  onStream(listener: (id: number) => void): () => void {
    const { native } = this.#segment;
    const stop = this.#segment.onStream((index) => {
      const id = native.streamAt(index);
      if (id > 0 && !this.#table.holds(id)) listener(id);
    });
    native.waitForStreams(true);
    return () => {
      native.waitForStreams(false);
      stop();
    };
  }

  // Streams: the process that created the segment.

  /** Opens a stream in a pool (default: the first) and returns its id.
   *  @throws NO_FREE_STREAM, OUT_OF_MEMORY, UNKNOWN_POOL */
  openStream(pool?: string, transport = 'cache'): number {
    const { native, description } = this.#segment;
    const found = pool ? description.pools.find(({ name }) => name === pool) : description.pools[0];
    if (!found) throw new UploadResponseError('UNKNOWN_POOL', pool);
    return throwIfError(native.openStream(found.index, transport));
  }

  /** Tells the workers of a stream, once its headers have been written. */
  announceStream(id: number): void {
    this.#segment.native.announce(id);
  }

  /** Tells everybody who works on the stream that it is in vain, and why. */
  abortStream(id: number, code: ErrorCode): void {
    throwIfError(this.#segment.native.abort(id, ERRORS[code].number));
  }

  /** Closes a stream: every handle on it becomes stale, and its place is free as soon as nobody holds
   *  anything of it. Resolves then. */
  async closeStream(id: number): Promise<void> {
    const { native } = this.#segment;
    this.leaveStream(id);
    throwIfError(native.closeStream(id));
    await this.#segment.waitFor(id, () => (native.reclaim(id) === 0 ? 0 : 1));
  }

  /** Gives back everything that this process holds of a stream. */
  leaveStream(id: number): void {
    this.#table.leave(id);
  }

  // Readers.

  /** Registers this process as a reader of a lane: no slot is overwritten that it has not passed.
   *  `from`: slots that count as read; -1: all that are there. @throws NO_FREE_READER */
  registerReader(id: number, lane: LaneName = 'request', from = 0): void {
    this.#table.named(id, lane).register(from);
  }

  unregisterReader(id: number, lane: LaneName = 'request'): void {
    this.#table.unregister(id, lane);
  }

  hasReaders(id: number, lane: LaneName = 'request'): boolean {
    return this.readerCount(id, lane) > 0;
  }

  /** Readers of all processes. */
  readerCount(id: number, lane: LaneName = 'request'): number {
    return this.#table.readerCount(id, this.#table.index(id, lane));
  }

  // Requests.

  /** Newest slot id, 0 = none. Takes no lock. */
  requestLast(id: number): number {
    return this.#table.last(id, Lane.request);
  }

  /**
   * Slot `slot` of the request, or undefined when it has not been written yet. To a registered reader
   * the bytes are a view on the shared memory (read-only: writing into it crashes the process), valid
   * until it asks for a later slot, by which it gives the earlier ones back. Anybody else gets a copy.
   * @throws LAPPED: overwritten; EVICTED: and what the views before showed must be dropped
   */
  tailRequest(id: number, slot: number): TailSlot | undefined {
    return this.#table.at(id, Lane.request).tail(slot);
  }

  /** The request's slots without its end, read as a registered reader of their own. Bytes are valid
   *  until the next one is asked for. */
  requestSlots(id: number, signal?: AbortSignal): AsyncGenerator<TailSlot, void, undefined> {
    return this.#table.slots(id, Lane.request, signal);
  }

  writeRequestHeaders(id: number, head: Omit<RequestHead, 'kind'>): Promise<void> {
    return this.#table.at(id, Lane.request).writeHead({ ...head, kind: 'request' });
  }

  /** Copies the bytes into slots, waiting for room; they must not change meanwhile. */
  appendRequestBody(id: number, bytes: Uint8Array): Promise<void> {
    return this.#table.at(id, Lane.request).append(bytes);
  }

  /** Copies what there is room for from `start` on; returns how many bytes that was. */
  tryAppendRequestBody(id: number, bytes: Uint8Array, start = 0): number {
    return this.#table.at(id, Lane.request).tryAppend(bytes, start);
  }

  endRequest(id: number, trailers: readonly Header[] = []): Promise<void> {
    return this.#table.at(id, Lane.request).end(trailers);
  }

  /** False when there is no room. */
  tryEndRequest(id: number): boolean {
    return this.#table.at(id, Lane.request).tryEnd();
  }

  // Responses.

  /** Makes this process the response's only writer; false when another one is. */
  tryClaimResponse(id: number): boolean {
    return this.#table.at(id, Lane.response).claim();
  }

  /** Gives the claim back. What was written stays, and nobody can go on with it. */
  releaseResponse(id: number): void {
    this.#table.at(id, Lane.response).release();
  }

  /** Worker row of the claim's holder; undefined: nobody, or one that died. */
  responseOwner(id: number): number | undefined {
    return this.#table.owner(id, Lane.response);
  }

  responseLast(id: number): number {
    return this.#table.last(id, Lane.response);
  }

  /** As `tailRequest`. */
  tailResponse(id: number, slot: number): TailSlot | undefined {
    return this.#table.at(id, Lane.response).tail(slot);
  }

  /** As `requestSlots`. */
  responseSlots(id: number, signal?: AbortSignal): AsyncGenerator<TailSlot, void, undefined> {
    return this.#table.slots(id, Lane.response, signal);
  }

  /** @throws NOT_OWNER without the claim; so do the following */
  writeResponseHeaders(id: number, head: Omit<ResponseHead, 'kind'>): Promise<void> {
    return this.#table.at(id, Lane.response).writeHead({ ...head, kind: 'response' });
  }

  appendResponseBody(id: number, bytes: Uint8Array): Promise<void> {
    return this.#table.at(id, Lane.response).append(bytes);
  }

  tryAppendResponseBody(id: number, bytes: Uint8Array, start = 0): number {
    return this.#table.at(id, Lane.response).tryAppend(bytes, start);
  }

  /** Ends the response and gives the claim back. */
  endResponse(id: number, trailers: readonly Header[] = []): Promise<void> {
    return this.#table.at(id, Lane.response).end(trailers);
  }

  tryEndResponse(id: number): boolean {
    return this.#table.at(id, Lane.response).tryEnd();
  }

  // Stages: named lanes between workers. All throw UNKNOWN_STAGE.

  tryClaimStage(id: number, stage: string): boolean {
    return this.#table.named(id, stage).claim();
  }

  releaseStage(id: number, stage: string): void {
    this.#table.named(id, stage).release();
  }

  stageOwner(id: number, stage: string): number | undefined {
    return this.#table.owner(id, this.#table.index(id, stage));
  }

  stageLast(id: number, stage: string): number {
    return this.#table.last(id, this.#table.index(id, stage));
  }

  tailStage(id: number, stage: string, slot: number): TailSlot | undefined {
    return this.#table.named(id, stage).tail(slot);
  }

  stageSlots(
    id: number,
    stage: string,
    signal?: AbortSignal,
  ): AsyncGenerator<TailSlot, void, undefined> {
    return this.#table.slots(id, this.#table.index(id, stage), signal);
  }

  appendStage(id: number, stage: string, bytes: Uint8Array): Promise<void> {
    return this.#table.named(id, stage).append(bytes);
  }

  tryAppendStage(id: number, stage: string, bytes: Uint8Array, start = 0): number {
    return this.#table.named(id, stage).tryAppend(bytes, start);
  }

  endStage(id: number, stage: string): Promise<void> {
    return this.#table.named(id, stage).end([]);
  }

  tryEndStage(id: number, stage: string): boolean {
    return this.#table.named(id, stage).tryEnd();
  }

  // Workers.

  /** Says how many streams this process takes at once and how many it has now. */
  heartbeat(capacity: number, inFlight: number): void {
    this.#segment.native.heartbeat(capacity, inFlight);
  }

  /** Streams that the attached responders could take now, all together. */
  capacity(): number {
    return this.workers()
      .filter(({ role }) => role & WorkerRole.responder)
      .reduce((sum, { capacity, inFlight }) => sum + Math.max(0, capacity - inFlight), 0);
  }

  /** Attached processes, the server among them. */
  workers(): WorkerInfo[] {
    return this.#segment.native.workers();
  }
}
