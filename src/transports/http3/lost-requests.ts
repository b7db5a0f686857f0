/** A request that has not ended. */
export interface OpenRequest {
  /** Its client must be taken for gone. */
  lost(): void;
}

/**
 * Finds requests whose reset was lost: the engine can forget one that comes while clients are held back,
 * and nothing comes of the request any more. So after that time something has to.
 */
export class LostRequests {
  readonly #patienceMs: number;
  readonly #open = new Set<OpenRequest>();
  /** Those of which nothing was heard since clients were held back, and since when they are not. */
  readonly #silent = new Map<OpenRequest, number>();
  #timer: NodeJS.Timeout | undefined;
  #paused = false;

  /** `patienceMs`: how long nothing may come. */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  enter(request: OpenRequest): void {
    this.#open.add(request);
  }

  /** Something came of it. */
  heard(request: OpenRequest): void {
    if (this.#silent.size > 0) this.#silent.delete(request);
  }

  leave(request: OpenRequest): void {
    this.#open.delete(request);
    this.#silent.delete(request);
    if (this.#open.size === 0) this.close();
  }

  /** Clients are held back. */
  paused(): void {
    this.#paused = true;
  }

  /** They are not any more. */
  resumed(): void {
    this.#paused = false;
    const now = performance.now();
    for (const request of this.#open) this.#silent.set(request, now);
    if (this.#silent.size === 0) return;
    this.#timer ??= setInterval(() => this.#look(), Math.max(1, this.#patienceMs / 4));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#silent.clear();
  }

  #look(): void {
    if (this.#paused) return;
    const now = performance.now();
    for (const [request, since] of this.#silent) {
      if (now - since >= this.#patienceMs) request.lost();
    }
    if (this.#silent.size === 0) this.close();
  }
}
