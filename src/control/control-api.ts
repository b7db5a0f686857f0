import type { Readable, Writable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Admission, Permit } from '../admission/index.js';
import { fromNative, UploadResponseError } from '../errors/index.js';
import type { HttpFront } from '../http/index.js';
import { errorAnswer, type Logger, type StreamFacts } from '../ingress/index.js';
import type { Segment } from '../ring/index.js';
import { Access } from './access.js';
import { CONTROL_PREFIX, type ControlConfig } from './config.js';
import { readJson } from './json-body.js';
import { openApiRoutes } from './openapi.js';
import { Patience } from './patience.js';
import { RemoteWorkers } from './remote-workers.js';
import type { Answer, Route } from './route.js';
import { controlRoutes } from './routes/index.js';
import { Watcher } from './watcher.js';

/** What the control API is made of. */
export interface ControlOptions {
  readonly config: ControlConfig;
  /** Where its routes are added. */
  readonly http: HttpFront;
  /** The server's own attachment, and the control socket of its segment. */
  readonly segment: Segment;
  readonly socket: string;
  /** Of the streams of this process, by id. */
  facts(): ReadonlyMap<number, StreamFacts>;
  readonly admission: Admission;
  /** There is no way to authenticate: only processes of the server's user may come. */
  isOpen(): boolean;
  /** Query parameter that may hold a token, or ''. */
  tokenParameter(): string;
  readonly log: Logger;
}

/** One request, between its head and the end of its answer. */
interface Visit {
  readonly permit: Permit;
  readonly patience: Patience;
  takesNew: boolean;
}

/** The control API: streams, slots, readers, claims and remote workers over HTTP. */
export class ControlApi {
  readonly #options: ControlOptions;
  readonly #access: Access;
  readonly #remotes: RemoteWorkers;
  readonly #watcher: Watcher;
  readonly #visits = new Map<FastifyRequest, Visit>();
  #draining = false;
  #closed = false;

  /** Adds its routes; to be called before `HttpFront.listen`. */
  constructor(options: ControlOptions) {
    const { config, http, segment, socket, facts, log } = options;
    this.#options = options;
    this.#access = new Access(options);
    this.#remotes = new RemoteWorkers(socket, config, log);
    this.#watcher = new Watcher(socket);
    const context = { segment, facts, remotes: this.#remotes, watcher: this.#watcher, config };
    const routes = openApiRoutes(controlRoutes(context));
    http.isNeeded = () => this.#remotes.list.some(({ streams }) => streams.length > 0);
    void http.app.register(async (app) => this.#serve(app, routes), { prefix: CONTROL_PREFIX });
  }

  /** Nobody waits for new streams any more; work on those that are open goes on. */
  drain(): void {
    this.#draining = true;
    for (const { patience, takesNew } of this.#visits.values()) {
      if (takesNew) patience.end(shuttingDown());
    }
  }

  /** Ends whatever waits, and every remote worker. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const { patience } of this.#visits.values()) patience.end(shuttingDown());
    this.#remotes.close();
    this.#watcher.close();
  }

  #serve(app: FastifyInstance, routes: readonly Route[]): void {
    app.removeAllContentTypeParsers();
    // Every route reads its own body: bytes as they arrive, or bounded JSON.
    app.addContentTypeParser('*', (_request, _payload, done) => done(null));
    app.setErrorHandler((error, _request, reply) => this.#refuse(reply, this.#errorOf(error)));
    // Not an upload either, where uploads are taken at every path.
    app.route({
      method: app.supportedMethods,
      url: '/*',
      onRequest: (request, reply) => {
        reply.hijack();
        const error = new UploadResponseError('UNKNOWN_PATH');
        this.#options.http.refuse(request.raw, reply.raw, error);
      },
      handler: () => undefined,
    });
    for (const route of routes) {
      app.route({
        method: route.method,
        url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
        onRequest: (request, reply) => this.#enter(route, request, reply),
        preParsing: (request, reply, payload, done) => {
          const { expect = '' } = request.raw.headers;
          if (expect.toLowerCase() === '100-continue') reply.raw.writeContinue();
          done(null, payload);
        },
        handler: (request, reply) => this.#run(route, request, reply),
      });
    }
  }

  /** Lets a request in, or answers it before anything of its body is read. */
  async #enter({ asWorker }: Route, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    try {
      const permit = await this.#access.admit(request.raw, asWorker ?? false);
      if (isGone(reply)) return permit.release();
      if (this.#closed) {
        permit.release();
        throw shuttingDown();
      }
      const patience = new Patience();
      this.#visits.set(request, { permit, patience, takesNew: false });
      reply.raw.once('close', () => {
        this.#visits.delete(request);
        permit.release();
        if (!isSent(reply)) patience.end(new UploadResponseError('CLIENT_GONE'));
      });
    } catch (error) {
      reply.hijack();
      this.#options.http.refuse(request.raw, reply.raw, this.#errorOf(error));
    }
  }

  async #run(route: Route, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const visit = this.#visits.get(request);
    // The client has gone.
    if (!visit) return void reply.hijack();
    visit.takesNew = route.takesNew ?? false;
    if (visit.takesNew && this.#draining) visit.patience.end(shuttingDown());
    const fields: Record<string, string> = {};
    // Not Fastify's body: of HTTP/2 it takes one without a length for none.
    const payload: Readable = request.raw;
    const { [this.#options.tokenParameter()]: _, ...query } = request.query as object & {
      readonly [name: string]: unknown;
    };
    try {
      const answer = await route.run({
        params: request.params,
        query,
        headers: request.headers,
        payload,
        subject: visit.permit.subject,
        patience: visit.patience,
        fields,
        json: () => readJson(request.headers['content-type'], payload),
      });
      reply.headers(fields);
      this.#send(reply, answer);
    } catch (error) {
      reply.headers(fields);
      this.#refuse(reply, this.#errorOf(error));
    } finally {
      visit.patience.rest();
      // What nobody reads any more would keep the connection from its next request.
      if (!payload.readableEnded) payload.resume();
    }
  }

  #send(reply: FastifyReply, { status, bytes, json, lost }: Answer): void {
    if (isGone(reply)) {
      lost?.();
      return void reply.hijack();
    }
    if (lost) reply.raw.once('close', () => !isSent(reply) && lost());
    void reply.code(status).header('cache-control', 'no-store');
    if (bytes) reply.type('application/octet-stream').send(bytes);
    else if (json) reply.type('application/json; charset=utf-8').send(JSON.stringify(json));
    else reply.send();
  }

  #refuse(reply: FastifyReply, error: UploadResponseError): void {
    if (isGone(reply)) return void reply.hijack();
    const { cause } = error;
    const reason = cause instanceof UploadResponseError ? cause.code : undefined;
    const { status, headers, body } = errorAnswer(
      error,
      reason === undefined ? undefined : { status: 0, reason },
    );
    for (const [name, value] of headers) void reply.header(name, value);
    reply.code(status).header('cache-control', 'no-store').send(body);
  }

  #errorOf(error: unknown): UploadResponseError {
    if (error instanceof UploadResponseError) return error;
    const { statusCode, message, number } = error as Partial<Error> & {
      statusCode?: number;
      number?: number;
    };
    if (number !== undefined) return fromNative(error);
    // What Fastify finds wrong with a request.
    if (statusCode !== undefined && statusCode < 500) {
      return new UploadResponseError('BAD_REQUEST', message);
    }
    this.#options.log.error({ err: error }, 'the control API failed unexpectedly');
    return new UploadResponseError('SYSTEM', "the server's log says more");
  }
}

/** What carries an answer: of HTTP/2 only the stream knows how it is. */
function carrier({ raw }: FastifyReply): Writable {
  return (raw as typeof raw & { readonly stream?: Writable }).stream ?? raw;
}

/** Its client cannot be answered any more. */
function isGone(reply: FastifyReply): boolean {
  return carrier(reply).destroyed;
}

/** All of the answer has gone to the client. */
function isSent(reply: FastifyReply): boolean {
  return carrier(reply).writableFinished;
}

function shuttingDown(): UploadResponseError {
  return new UploadResponseError('SHUTTING_DOWN');
}
