import type { Admission, Caller } from '../admission/index.js';
import { fromNative, type UploadResponseError } from '../errors/index.js';
import { type ProcessSnapshot, renderMetrics, segmentSnapshot } from '../metrics/index.js';
import type { Segment } from '../ring/index.js';
import { type HealthReport, type HealthSource, health, readiness } from './health.js';

/** Asks the other server processes of the segment; what does not answer is left out. */
export type CollectMetrics = (own: ProcessSnapshot) => Promise<readonly ProcessSnapshot[]>;

export interface OperationsOptions {
  readonly segment: Segment;
  readonly admission: Admission;
  health(): HealthSource;
  snapshot(): ProcessSnapshot;
  readonly collect?: CollectMetrics | undefined;
}

/** What operators ask a server, whichever way they ask. */
export class Operations {
  readonly #options: OperationsOptions;
  readonly #refused: Record<string, number> = {};

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  /** Refused requests, by error code. */
  get refusedTotal(): Readonly<Record<string, number>> {
    return { ...this.#refused };
  }

  health(): HealthReport & { readonly ok: boolean } {
    return health(this.#options.health());
  }

  readiness(): HealthReport & { readonly ok: boolean } {
    return readiness(this.#options.health());
  }

  /** Prometheus text. Rejects with the error that says why `caller` may not have it. */
  async metrics(caller: Caller): Promise<string> {
    const { admission, segment, snapshot, collect } = this.#options;
    let release = (): void => {};
    try {
      const permit = await admission.admit('metrics', caller);
      release = () => permit.release();
    } catch (thrown) {
      throw this.#count(fromNative(thrown));
    }
    try {
      const own = snapshot();
      const processes = collect ? await collect(own) : [own];
      return renderMetrics(segmentSnapshot(segment), processes);
    } finally {
      release();
    }
  }

  #count(error: UploadResponseError): UploadResponseError {
    this.#refused[error.code] = (this.#refused[error.code] ?? 0) + 1;
    return error;
  }
}
