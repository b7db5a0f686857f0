import { type IncomingMessage, METHODS, type ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import { UploadResponseError } from '../errors/index.js';

/** A request as Node gives it, by the version of HTTP. */
export type RawRequest = IncomingMessage | Http2ServerRequest;
export type RawResponse = ServerResponse | Http2ServerResponse;

/** What the routes hand on. */
export interface RouteHandlers {
  /** A request that becomes a stream: neither its body nor its response is Fastify's. */
  upload(request: RawRequest, response: RawResponse): void;
  /** A request that is answered without being read. */
  refuse(request: RawRequest, response: RawResponse, error: UploadResponseError): void;
  /** The request makes a WebSocket of its connection. */
  isUpgrade(request: RawRequest): boolean;
}

/** Constraint of the routes for requests to upgrade; those reach no other route. */
export const WEBSOCKET_ONLY = { connection: 'websocket' } as const;

/** The Fastify instance that routes every request. It never listens itself: the listeners call it. */
export function createRoutes(prefix: string, handlers: RouteHandlers): FastifyInstance {
  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    routerOptions: { constraints: { connection: connectionStrategy(handlers) } },
    frameworkErrors: (_error, request, reply) => {
      reply.hijack();
      // Not the error's own message: it quotes the target, with what is secret in its query.
      const refusal = new UploadResponseError('BAD_REQUEST', 'its target cannot be decoded');
      handlers.refuse(request.raw, reply.raw, refusal);
    },
  });
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !app.supportedMethods.includes(method)) {
      app.addHttpMethod(method, { hasBody: true });
    }
  }
  // Before Fastify reads a body that no route wants.
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done();
    reply.hijack();
    handlers.refuse(request.raw, reply.raw, new UploadResponseError('UNKNOWN_PATH'));
  });
  const base = prefix === '/' ? '' : prefix;
  for (const url of [prefix, `${base}/*`]) {
    app.route({
      method: app.supportedMethods,
      url,
      onRequest: (request, reply) => {
        reply.hijack();
        handlers.upload(request.raw, reply.raw);
      },
      handler: () => undefined,
    });
  }
  return app;
}

type RouterOptions = NonNullable<FastifyServerOptions['routerOptions']>;
type ConstraintStrategy = NonNullable<RouterOptions['constraints']>[string];
type Handler = Parameters<ReturnType<ConstraintStrategy['storage']>['set']>[1];

/** Tells requests to upgrade from all others. */
function connectionStrategy({ isUpgrade }: RouteHandlers): ConstraintStrategy {
  return {
    name: 'connection',
    storage: () => {
      const stores = new Map<string, Handler>();
      return {
        get: (kind: string) => stores.get(kind) ?? null,
        set: (kind: string, store: Handler) => void stores.set(kind, store),
      };
    },
    // Undefined means no constraint, which its type does not know.
    deriveConstraint: (request) =>
      (isUpgrade(request) ? WEBSOCKET_ONLY.connection : undefined) as string,
    validate: () => {},
    mustMatchWhenDerived: true,
  };
}
