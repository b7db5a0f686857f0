import type { FastifyReply, FastifyRequest } from 'fastify';
import { fromNative, UploadResponseError } from '../../errors/index.js';
import { gatherBody, type HttpFront, type RawRequest } from '../../http/index.js';
import { errorAnswer, type Logger } from '../../ingress/index.js';

/** A request to WHIP. */
export interface WhipRequest {
  readonly raw: RawRequest;
  readonly method: string;
  readonly room: string;
  /** Undefined: the client leaves it to the server. */
  readonly peer: string | undefined;
  readonly session: string | undefined;
  /** The body as text, of this media type. @throws UploadResponseError UNSUPPORTED_MEDIA_TYPE,
   *  BODY_TOO_LARGE, BAD_SDP, CLIENT_GONE */
  text(type: string): Promise<string>;
}

export interface WhipAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Answers requests; rejects with an UploadResponseError for those that it does not take. */
export type WhipHandler = (request: WhipRequest) => Promise<WhipAnswer>;

/** A description of a page with many tracks has some ten kilobytes. */
const MAX_BODY_BYTES = 64 * 1024;
const NAME = /^(?!\.+$)[A-Za-z0-9._~-]{1,128}$/;
const CORS = {
  'access-control-allow-methods': 'POST, PATCH, DELETE, OPTIONS',
  'access-control-allow-headers': 'Authorization, Content-Type, If-Match',
  'access-control-expose-headers': 'ETag, Location, Link, Accept-Patch',
  'access-control-max-age': '600',
};

interface Params {
  readonly room: string;
  readonly peer?: string;
  readonly session?: string;
}

/** Adds the routes of WHIP to those of HTTP; to be called before it listens. */
export function addWhipRoutes(
  http: HttpFront,
  { path, origins }: { readonly path: string; readonly origins: readonly string[] },
  log: Logger,
  handle: WhipHandler,
): void {
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { room, peer, session } = request.params as Params;
    const { raw } = request;
    reply.headers({ 'cache-control': 'no-store', ...corsOf(raw.headers.origin, origins) });
    try {
      for (const name of [room, peer ?? room]) {
        if (!NAME.test(name)) throw new UploadResponseError('BAD_REQUEST', 'a name in its path');
      }
      const text = (type: string) => readText(request, reply, type);
      const { method } = request;
      const { status, headers, body } = await handle({ raw, method, room, peer, session, text });
      reply.headers(headers).code(status).send(body);
    } catch (thrown) {
      if ((thrown as UploadResponseError).code === 'METHOD_NOT_ALLOWED') {
        reply.header('allow', session === undefined ? 'OPTIONS, POST' : 'OPTIONS, PATCH, DELETE');
      }
      refuse(reply, thrown, log);
    } finally {
      // What nobody reads would keep the connection from its next request.
      if (!raw.readableEnded) raw.resume();
    }
  };
  http.app.register(async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null));
    for (const url of ['/:room', '/:room/:peer', '/:room/:peer/:session']) {
      app.route({
        method: app.supportedMethods,
        url: path + url,
        handler: async (request, reply) => {
          await answer(request, reply);
          return reply;
        },
      });
    }
  });
}

/** The fields that let a page of another host read answers (Fetch, 3.2). */
function corsOf(origin: string | undefined, origins: readonly string[]): Record<string, string> {
  if (origins.length === 0) return {};
  const allowed = origins.some((one) => one === '*' || one.toLowerCase() === origin?.toLowerCase());
  if (!allowed || origin === undefined) return { vary: 'Origin' };
  return { vary: 'Origin', 'access-control-allow-origin': origin, ...CORS };
}

function refuse(reply: FastifyReply, thrown: unknown, log: Logger): void {
  const error = fromNative(thrown);
  if (error !== thrown) log.error({ err: thrown }, 'WHIP failed unexpectedly');
  const { status, headers, body } = errorAnswer(error);
  for (const [name, value] of headers) void reply.header(name, value);
  reply.code(status).send(body);
}

async function readText(
  { raw }: FastifyRequest,
  reply: FastifyReply,
  type: string,
): Promise<string> {
  const given = raw.headers['content-type'];
  if (given?.split(';')[0]?.trim().toLowerCase() !== type) {
    throw new UploadResponseError('UNSUPPORTED_MEDIA_TYPE', `it is not ${type}`);
  }
  const { expect = '' } = raw.headers;
  if (String(expect).toLowerCase() === '100-continue') reply.raw.writeContinue();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await gatherBody(raw, MAX_BODY_BYTES));
  } catch (cause) {
    if (cause instanceof UploadResponseError) throw cause;
    throw new UploadResponseError('BAD_SDP', 'it is no UTF-8', { cause });
  }
}
