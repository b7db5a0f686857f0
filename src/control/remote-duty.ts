import { throwIfError, UploadResponseError } from '../errors/index.js';
import type { Segment } from '../ring/index.js';

/** What a required observer says of a request. */
export interface RemoteVerdict {
  readonly pass: boolean;
  /** Of a veto: 400..599, and at most 112 bytes of UTF-8. */
  readonly status: number;
  readonly reason: string;
}

/** A remote worker's duty to judge one stream, as the required observer that it is: no response passes
 *  before it has. */
export class RemoteDuty {
  readonly #segment: Segment;
  readonly #stream: number;
  readonly #observer: number;
  #state: 'none' | 'held' | 'given' = 'none';

  /** `observer`: index of the required observer, -1: it is none. */
  constructor(segment: Segment, stream: number, observer: number) {
    this.#segment = segment;
    this.#stream = stream;
    this.#observer = observer;
  }

  /**
   * It has joined the request, of which `gap` slots are gone: who cannot see the whole cannot let it pass.
   * @throws UploadResponseError ALREADY_CLAIMED: another observer of the name judges it; LAPPED
   */
  joined(gap: number): void {
    if (this.#observer < 0 || this.#state === 'given') return;
    if (this.#state === 'none') {
      const { native } = this.#segment;
      const held = native.holdVerdict(this.#stream, this.#observer);
      throwIfError(held, 'another observer of this name judges the stream');
      this.#state = 'held';
    }
    if (gap === 0) return;
    this.#give({ pass: false, status: 503, reason: 'the observer came too late' });
    throw new UploadResponseError('LAPPED', 'the request is not whole');
  }

  /** @throws UploadResponseError NOT_OWNER: it does not judge this stream, or has done so */
  give(verdict: RemoteVerdict): void {
    if (this.#state !== 'held') {
      throw new UploadResponseError('NOT_OWNER', 'it does not judge this stream, or has done so');
    }
    throwIfError(this.#give(verdict));
  }

  /** It reads no more: without its verdict nothing passes. Never throws. */
  left(): void {
    if (this.#state !== 'held') return;
    this.#give({ pass: false, status: 502, reason: 'the observer gave no verdict' });
  }

  #give({ pass, status, reason }: RemoteVerdict): number {
    this.#state = 'given';
    const { native } = this.#segment;
    return native.giveVerdict(this.#stream, this.#observer, pass, pass ? 0 : status, reason);
  }
}
