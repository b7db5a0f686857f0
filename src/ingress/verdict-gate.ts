import { UploadResponseError } from '../errors/index.js';
import type { Segment } from '../ring/index.js';
import type { Veto } from './error-answer.js';
import { readsAs } from './holder.js';

/** What the required observers say of a stream, taken together. */
export type Ruling =
  | { readonly state: 'passed' }
  | { readonly state: 'waiting' }
  | { readonly state: 'orphaned'; readonly observer: string }
  | { readonly state: 'vetoed'; readonly error: UploadResponseError; readonly veto: Veto };

const PASSED: Ruling = { state: 'passed' };
const WAITING: Ruling = { state: 'waiting' };

/** Stands between a response and its client until every required observer has given its verdict. */
export class VerdictGate {
  readonly #segment: Segment;
  readonly #id: number;
  readonly #names: readonly string[];
  #passed: boolean;

  constructor(segment: Segment, id: number) {
    this.#segment = segment;
    this.#id = id;
    this.#names = segment.description.requiredObservers;
    this.#passed = this.#names.length === 0;
  }

  /** A veto counts from the moment it is given, whatever the others say. */
  rule(): Ruling {
    if (this.#passed) return PASSED;
    let ruling: Ruling = PASSED;
    for (const [index, verdict] of this.#verdicts().entries()) {
      const observer = this.#names[index] as string;
      if (verdict.state === 'vetoed') {
        const { status, reason } = verdict;
        const detail = reason || `observer ${observer} gave no reason`;
        const error = new UploadResponseError('VETOED', detail);
        return { state: 'vetoed', error, veto: { status, reason } };
      }
      if (verdict.state === 'passed') continue;
      if (verdict.state === 'pending' && verdict.orphaned) ruling = { state: 'orphaned', observer };
      else if (ruling === PASSED) ruling = WAITING;
    }
    this.#passed = ruling === PASSED;
    return ruling;
  }

  /** Every required observer has decided or reads: it needs no protection any more. */
  isRead(): boolean {
    if (this.#passed) return true;
    return this.#verdicts().every(
      ({ state }, index) =>
        state === 'passed' ||
        state === 'vetoed' ||
        (state === 'held' && readsAs(this.#segment, this.#id, (w) => w.observer === index)),
    );
  }

  /** Names of the observers that have not taken their duty. */
  absent(): string[] {
    if (this.#passed) return [];
    const verdicts = this.#verdicts();
    return this.#names.filter((_, index) => verdicts[index]?.state === 'pending');
  }

  #verdicts() {
    return this.#segment.native.verdicts(this.#id);
  }
}
