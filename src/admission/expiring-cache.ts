import { createHmac, randomBytes } from 'node:crypto';

/**
 * A small memory of answers to secrets. Keys are kept as a keyed digest, so that neither the memory's
 * content nor the time of a look-up says anything about them. The oldest entry makes room.
 */
export class ExpiringCache<Value> {
  readonly #key = randomBytes(32);
  readonly #entries = new Map<string, { readonly value: Value; readonly until: number }>();
  readonly #max: number;
  readonly #now: () => number;

  /** `max`: entries; 0 keeps nothing. `now`: a clock in milliseconds. */
  constructor(max: number, now: () => number = () => performance.now()) {
    this.#max = max;
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(secret: string): Value | undefined {
    if (this.#entries.size === 0) return undefined;
    const digest = this.#digest(secret);
    const entry = this.#entries.get(digest);
    if (entry && this.#now() < entry.until) return entry.value;
    if (entry) this.#entries.delete(digest);
    return undefined;
  }

  set(secret: string, value: Value, ttlMs: number): void {
    if (this.#max === 0 || !(ttlMs > 0)) return;
    const digest = this.#digest(secret);
    this.#entries.delete(digest);
    if (this.#entries.size >= this.#max) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(digest, { value, until: this.#now() + ttlMs });
  }

  #digest(secret: string): string {
    return createHmac('sha256', this.#key).update(secret).digest('base64');
  }
}
