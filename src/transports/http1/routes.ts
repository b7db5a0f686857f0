import { type IncomingMessage, METHODS, type ServerResponse } from 'node:http';
import fastify, { type FastifyInstance } from 'fastify';
import { UploadResponseError } from '../../errors/index.js';

/** What the routes hand on. */
export interface RouteHandlers {
  /** A request that becomes a stream: neither its body nor its response is Fastify's. */
  upload(request: IncomingMessage, response: ServerResponse): void;
  /** A request that is answered without being read. */
  refuse(request: IncomingMessage, response: ServerResponse, error: UploadResponseError): void;
}

/** The Fastify instance that routes every request. It never listens itself: the listeners call it. */
export function createRoutes(prefix: string, handlers: RouteHandlers): FastifyInstance {
  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    frameworkErrors: (error, request, reply) => {
      reply.hijack();
      handlers.refuse(
        request.raw,
        reply.raw,
        new UploadResponseError('BAD_REQUEST', error.message),
      );
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
