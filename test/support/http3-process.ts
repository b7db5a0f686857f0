import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./http3-client.mjs', import.meta.url));

/** What the client's process reports of one upload. */
export interface Http3Report {
  readonly id: number;
  readonly event:
    | 'ordered'
    | 'open'
    | 'response'
    | 'trailers'
    | 'data'
    | 'end'
    | 'written'
    | 'error'
    | 'closed'
    | 'goaway';
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly data?: Uint8Array;
  readonly number?: number;
  readonly message?: string;
  readonly code?: number;
}

/** One HTTP/3 request, on a connection of its own, sent by another process. Events: `Http3Report`s. */
export class Http3Request extends EventEmitter<{ report: [Http3Report] }> {
  readonly reports: Http3Report[] = [];
  readonly #child: ChildProcess;
  readonly #id: number;
  readonly #writes = new Map<number, (error?: string) => void>();
  #number = 0;

  constructor(child: ChildProcess, id: number) {
    super();
    this.#child = child;
    this.#id = id;
  }

  /** The first report of this kind; rejects when the request fails before. */
  first(event: Http3Report['event']): Promise<Http3Report> {
    return new Promise((resolve, reject) => {
      const look = (report: Http3Report) => {
        if (report.event === event) resolve(report);
        else if (report.event === 'error') reject(new Error(report.message));
        else return false;
        this.off('report', look);
        return true;
      };
      if (!this.reports.some(look)) this.on('report', look);
    });
  }

  /** Resolves when the client has taken the bytes. */
  write(data: Uint8Array): Promise<void> {
    const number = this.#number++;
    const done = new Promise<void>((resolve, reject) =>
      this.#writes.set(number, (error) => (error ? reject(new Error(error)) : resolve())),
    );
    this.#send({ type: 'write', number, data });
    return done;
  }

  end(): void {
    this.#send({ type: 'end' });
  }

  /** Reads the response, if it was opened with `paused`. */
  read(): void {
    this.#send({ type: 'read' });
  }

  /** Resets the request with a code of HTTP/3. */
  reset(code: number): void {
    this.#send({ type: 'reset', code });
  }

  /** Ends its connection, after a time. */
  close(delayMs = 0): void {
    this.#send({ type: 'close', delayMs });
  }

  /** @internal */
  report(report: Http3Report): void {
    if (report.event === 'written') {
      this.#writes.get(report.number ?? -1)?.(report.message);
      this.#writes.delete(report.number ?? -1);
      return;
    }
    this.reports.push(report);
    this.emit('report', report);
  }

  /** @internal The client's process has ended. */
  lost(): void {
    for (const done of this.#writes.values()) done('the client has ended');
    this.report({ id: this.#id, event: 'error', message: 'the client has ended' });
  }

  #send(command: object): void {
    if (this.#child.connected) this.#child.send({ ...command, id: this.#id }, () => {});
  }
}

/** What a request is sent with. */
export interface Http3RequestOptions {
  readonly port: number;
  /** Default: loopback. */
  readonly host?: string;
  readonly fields: Readonly<Record<string, string | string[]>>;
  /** For the client's connection; `paused`: the response is not read. */
  readonly options?: object;
  /** Begins so much later. */
  readonly delayMs?: number;
}

/** A process that sends requests over HTTP/3. It does not keep its parent alive. */
export class Http3Process {
  readonly #child: ChildProcess;
  readonly #requests = new Map<number, Http3Request>();
  #id = 0;

  constructor() {
    this.#child = fork(script, {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', (report: Http3Report) =>
      this.#requests.get(report.id)?.report(report),
    );
    this.#child.once('exit', () => {
      for (const request of this.#requests.values()) request.lost();
    });
    // It ends with its parent, for which the server is there.
    this.#child.unref();
    this.#child.channel?.unref();
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  request(options: Http3RequestOptions): Http3Request {
    const id = this.#id++;
    const request = new Http3Request(this.#child, id);
    this.#requests.set(id, request);
    this.#child.send({ type: 'open', id, ...options }, () => {});
    return request;
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal);
  }
}
