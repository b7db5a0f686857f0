import { UploadResponseError } from '../../errors/index.js';
import { type ErrorAnswer, errorAnswer } from '../../ingress/index.js';
import type { Header } from '../../protocols/hpks/index.js';

/** An answer that is whole. */
export interface WholeAnswer {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: Buffer;
}

/** For how long, and how many bytes of bodies in all. */
export interface KeepLimits {
  readonly keepMs: number;
  readonly maxBytes: number;
}

/** What an answer takes beside its body, about. */
const ENTRY_BYTES = 2048;

/** Answers to callers that have left before, by the ids that they gave them. */
export class KeptAnswers {
  readonly #limits: KeepLimits;
  readonly #answers = new Map<string, KeptAnswer>();
  #bytes = 0;

  constructor(limits: KeepLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#answers.size;
  }

  /** `path`: whoever may publish there may read it.
   *  @throws UploadResponseError ANSWER_ID_TAKEN, ANSWER_TOO_LARGE: there is no room for one more */
  begin(id: string, path: string): KeptAnswer {
    if (this.#answers.has(id)) throw new UploadResponseError('ANSWER_ID_TAKEN');
    if (!this.#takeRoom(ENTRY_BYTES)) throw new UploadResponseError('ANSWER_TOO_LARGE');
    const answer = new KeptAnswer(
      path,
      (length) => this.#takeRoom(length),
      (length) => {
        this.#bytes -= length;
      },
      () => this.#keep(id),
    );
    this.#answers.set(id, answer);
    return answer;
  }

  /** @throws UploadResponseError UNKNOWN_ANSWER */
  find(id: string): KeptAnswer {
    const answer = this.#answers.get(id);
    if (!answer) throw new UploadResponseError('UNKNOWN_ANSWER');
    return answer;
  }

  /** Forgets all of them. */
  close(): void {
    for (const [id, answer] of [...this.#answers]) {
      answer.fail(new UploadResponseError('SHUTTING_DOWN'));
      this.#forget(id);
    }
  }

  /** The oldest whole ones make room. */
  #takeRoom(length: number): boolean {
    for (const [id, { isWhole }] of this.#answers) {
      if (this.#bytes + length <= this.#limits.maxBytes) break;
      if (isWhole) this.#forget(id);
    }
    if (this.#bytes + length > this.#limits.maxBytes) return false;
    this.#bytes += length;
    return true;
  }

  /** It is whole: its time runs from now on. */
  #keep(id: string): void {
    const answer = this.#answers.get(id);
    if (!answer) return;
    const timer = setTimeout(() => this.#forget(id), this.#limits.keepMs);
    timer.unref();
    answer.timer = timer;
  }

  #forget(id: string): void {
    const answer = this.#answers.get(id);
    if (!answer) return;
    clearTimeout(answer.timer);
    this.#answers.delete(id);
    this.#bytes -= answer.bytes + ENTRY_BYTES;
  }
}

/** One answer while it is written, and afterwards. */
export class KeptAnswer {
  /** Settles when nothing more is written. */
  readonly whole: Promise<WholeAnswer>;
  readonly path: string;
  /** Of its body. */
  bytes = 0;
  /** @internal Of who keeps it. */
  timer: NodeJS.Timeout | undefined;
  readonly #takeRoom: (length: number) => boolean;
  readonly #giveRoom: (length: number) => void;
  readonly #onWhole: () => void;
  readonly #parts: Buffer[] = [];
  #settle!: (answer: WholeAnswer) => void;
  #start: Omit<WholeAnswer, 'body'> | undefined;
  #isWhole = false;

  /** @internal */
  constructor(
    path: string,
    takeRoom: (length: number) => boolean,
    giveRoom: (length: number) => void,
    onWhole: () => void,
  ) {
    this.path = path;
    this.#takeRoom = takeRoom;
    this.#giveRoom = giveRoom;
    this.#onWhole = onWhole;
    this.whole = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get isWhole(): boolean {
    return this.#isWhole;
  }

  head(status: number, headers: readonly Header[]): void {
    this.#start = { status, headers };
  }

  /** Keeps a copy. */
  push(view: Uint8Array): void {
    if (this.#isWhole) return;
    if (!this.#takeRoom(view.length)) {
      this.fail(new UploadResponseError('ANSWER_TOO_LARGE'));
      return;
    }
    this.bytes += view.length;
    this.#parts.push(Buffer.from(view));
  }

  end(): void {
    if (this.#start) this.#finish({ ...this.#start, body: Buffer.concat(this.#parts) });
  }

  /** It did not become one, or only a part: the error stands in its place. */
  fail(error: UploadResponseError, answer: ErrorAnswer = errorAnswer(error)): void {
    if (this.#isWhole) return;
    this.#giveRoom(this.bytes);
    this.bytes = 0;
    const { status, headers, body } = answer;
    this.#finish({ status, headers, body: Buffer.from(body) });
  }

  #finish(answer: WholeAnswer): void {
    if (this.#isWhole) return;
    this.#isWhole = true;
    this.#parts.length = 0;
    this.#settle(answer);
    this.#onWhole();
  }
}
