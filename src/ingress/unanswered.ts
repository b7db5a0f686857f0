import type { UploadResponseError } from '../errors/index.js';
import type { ResponseSink } from './response-sink.js';

/** Where the answer to a client goes that has no way back for one: it is read to its end. */
export abstract class Unanswered implements ResponseSink {
  head(): void {}

  body(_view: Uint8Array, taken: () => void): boolean {
    taken();
    return true;
  }

  trailers(): void {}

  /** The answer is whole: what still comes would be read by nobody. */
  abstract end(): void;

  abstract fail(error: UploadResponseError): void;
}
