import type { SrtEngine } from '../../ring/srt-engine.js';

/** The answer's way into one socket: what libsrt has no room for waits, in its order. */
export class SrtSender {
  readonly #engine: SrtEngine;
  readonly #socket: number;
  readonly #arm: () => void;
  readonly #onChange: () => void;
  readonly #queue: { readonly bytes: Uint8Array; readonly taken: () => void }[] = [];
  /** Bytes of `queue[0]` that libsrt has. */
  #at = 0;
  #broken = false;
  #begun = false;
  #ending = false;

  /** `arm`: it has to be told when the socket has room. `onChange`: everything was taken after something
   *  had waited, or the answer is through. */
  constructor(engine: SrtEngine, socket: number, arm: () => void, onChange: () => void) {
    this.#engine = engine;
    this.#socket = socket;
    this.#arm = arm;
    this.#onChange = onChange;
  }

  /** Something of the answer was given. */
  get begun(): boolean {
    return this.#begun;
  }

  get waiting(): boolean {
    return this.#queue.length > 0;
  }

  /** The answer is through, or nobody is there to take it. */
  get ended(): boolean {
    return this.#ending && !this.waiting;
  }

  /** False: give no more until `onChange`. `taken` is called when the bytes are out of use. */
  push(bytes: Uint8Array, taken: () => void): boolean {
    this.#begun = true;
    this.#queue.push({ bytes, taken });
    return this.#queue.length > 1 ? false : this.#drain();
  }

  /** The socket may have room again. */
  send(): void {
    if (this.#drain()) this.#onChange();
  }

  end(): void {
    this.#ending = true;
    if (!this.waiting) this.#onChange();
  }

  /** The connection is gone: the rest is thrown away. */
  broken(): void {
    const waited = this.waiting;
    this.#broken = true;
    if (this.#drain() && waited) this.#onChange();
  }

  /** Forgets what waits; its bytes are out of use. */
  drop(): void {
    this.#queue.length = 0;
    this.#at = 0;
  }

  #drain(): boolean {
    for (let first = this.#queue[0]; first; first = this.#queue[0]) {
      if (!this.#broken && !this.#take(first.bytes)) return false;
      this.#queue.shift();
      this.#at = 0;
      first.taken();
    }
    return true;
  }

  /** True when libsrt has all of it, or the connection is gone. */
  #take(bytes: Uint8Array): boolean {
    const taken = this.#engine.write(this.#socket, bytes.subarray(this.#at));
    if (taken < 0) {
      this.#broken = true;
      return true;
    }
    this.#at += taken;
    if (this.#at === bytes.length) return true;
    this.#arm();
    return false;
  }
}
