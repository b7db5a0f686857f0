import { UploadResponseError } from '../errors/index.js';
import type { Logger } from '../ingress/index.js';
import type { ControlConfig } from './config.js';
import type { RemoteClaim } from './remote-claim.js';
import { RemoteWorker, type RemoteWorkerOptions, unknownRemoteWorker } from './remote-worker.js';

/** What a heartbeat says; what it does not say stays, or has its default. */
export interface Heartbeat {
  readonly name?: string | undefined;
  readonly role?: 'responder' | 'observer' | undefined;
  readonly observer?: string | undefined;
  readonly capacity?: number | undefined;
  readonly timeoutMs?: number | undefined;
}

/** The workers that are registered with this process over the control API. */
export class RemoteWorkers {
  readonly #socket: string;
  readonly #config: ControlConfig;
  readonly #log: Logger;
  readonly #workers = new Map<string, RemoteWorker>();
  readonly #attaching = new Map<string, Promise<RemoteWorker>>();
  #closed = false;

  constructor(socket: string, config: ControlConfig, log: Logger) {
    this.#socket = socket;
    this.#config = config;
    this.#log = log;
  }

  get list(): readonly RemoteWorker[] {
    return [...this.#workers.values()];
  }

  /** @throws UploadResponseError UNKNOWN_REMOTE_WORKER; FORBIDDEN: somebody else has registered it */
  get(id: string, subject: string | undefined): RemoteWorker {
    const worker = this.#workers.get(id);
    if (!worker) throw unknownRemoteWorker(id);
    if (worker.subject !== subject) {
      throw new UploadResponseError('FORBIDDEN', 'another caller has registered this worker');
    }
    return worker;
  }

  /** The remote worker of this row of the segment. */
  inRow(row: number): RemoteWorker | undefined {
    return this.list.find(({ segment }) => segment.worker === row);
  }

  /** The claim that a token stands for, and whose it is.
   *  @throws UploadResponseError NOT_OWNER; FORBIDDEN: it is another caller's */
  claim(
    token: string | undefined,
    stream: number,
    lane: number,
    subject: string | undefined,
  ): { readonly worker: RemoteWorker; readonly claim: RemoteClaim } {
    for (const worker of this.#workers.values()) {
      const claim = worker.held(stream)?.claim(lane);
      if (!claim || claim.token !== token) continue;
      return { worker: this.get(worker.id, subject), claim };
    }
    throw new UploadResponseError(
      'NOT_OWNER',
      token === undefined ? 'x-upload-response-claim is missing' : undefined,
    );
  }

  /**
   * The worker lives. Registers it where it is not known.
   * @throws UploadResponseError TOO_MANY_REMOTE_WORKERS, NO_FREE_WORKER, BAD_REQUEST, FORBIDDEN
   */
  async heartbeat(
    id: string,
    subject: string | undefined,
    { name, role, observer, capacity, timeoutMs }: Heartbeat,
  ): Promise<RemoteWorker> {
    if (observer !== undefined && role === 'responder') {
      throw new UploadResponseError('BAD_REQUEST', 'a required observer is no responder');
    }
    if (!this.#workers.has(id)) {
      await this.#register({
        id,
        subject,
        name: name ?? id,
        role: observer === undefined ? (role ?? 'responder') : 'observer',
        observer: observer ?? '',
        capacity: capacity ?? 1,
        timeoutMs: timeoutMs ?? this.#config.workerTimeoutMs,
      });
    }
    const worker = this.get(id, subject);
    const same = <T>(given: T | undefined, known: T) => given === undefined || given === known;
    if (!same(name, worker.name) || !same(role, worker.role) || !same(observer, worker.observer)) {
      throw new UploadResponseError('BAD_REQUEST', 'name and role of a worker do not change');
    }
    worker.heartbeat(capacity, timeoutMs);
    return worker;
  }

  /** Ends every registration: for the segment the workers have died. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const worker of this.list) worker.close();
  }

  #register(options: RemoteWorkerOptions): Promise<RemoteWorker> {
    const { id } = options;
    const under = this.#attaching.get(id);
    if (under) return under;
    const { maxRemoteWorkers } = this.#config;
    if (this.#workers.size + this.#attaching.size >= maxRemoteWorkers) {
      throw new UploadResponseError('TOO_MANY_REMOTE_WORKERS', `${maxRemoteWorkers} are allowed`);
    }
    const attaching = this.#attach(options).finally(() => this.#attaching.delete(id));
    this.#attaching.set(id, attaching);
    return attaching;
  }

  async #attach(options: RemoteWorkerOptions): Promise<RemoteWorker> {
    const worker = await RemoteWorker.attach(this.#socket, options, (one, timedOut) =>
      this.#ended(one, timedOut),
    );
    this.#workers.set(worker.id, worker);
    if (this.#closed) {
      worker.close();
      throw new UploadResponseError('SHUTTING_DOWN');
    }
    this.#log.info(fields(worker), 'remote worker registered');
    return worker;
  }

  #ended(worker: RemoteWorker, timedOut: boolean): void {
    this.#workers.delete(worker.id);
    if (timedOut) this.#log.warn(fields(worker), 'remote worker was silent for too long');
    else this.#log.info(fields(worker), 'remote worker left');
  }
}

function fields({ id, role, subject, timeoutMs }: RemoteWorker): object {
  return { remoteWorker: id, role, timeoutMs, ...(subject !== undefined && { subject }) };
}
