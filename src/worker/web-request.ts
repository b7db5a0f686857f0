import { UploadResponseError } from '../errors/index.js';
import type { Exchange } from './exchange.js';
import type { WorkerRequest } from './request.js';

/** Methods that the fetch standard refuses. */
const FORBIDDEN = new Set(['CONNECT', 'TRACE', 'TRACK']);

/**
 * The exchange's request as a web-standard object. Its body streams, in private memory.
 * @throws UploadResponseError BAD_REQUEST: it has no URL, or a method that fetch does not allow
 */
export function toRequest(exchange: Exchange): Request {
  const { request, signal } = exchange;
  const { method } = request;
  if (FORBIDDEN.has(method.toUpperCase())) {
    throw new UploadResponseError('BAD_REQUEST', 'a method that fetch handlers cannot take');
  }
  const headers = new Headers();
  for (const [name, value] of request.headers) headers.append(name, value);
  const init: RequestInit & { duplex?: 'half' } = { method, headers, signal };
  // GET and HEAD cannot carry a body here; what a client sends with them is read and dropped.
  if (method !== 'GET' && method !== 'HEAD') {
    init.body = bodyStream(request);
    init.duplex = 'half';
  }
  return new Request(urlOf(request), init);
}

function urlOf(request: WorkerRequest): string {
  const { path } = request;
  const scheme = request.scheme ?? 'http';
  const authority = request.authority ?? request.header('host') ?? 'localhost';
  // Put together as text: resolved against a base, a path that begins with // would name a host.
  const text = path.startsWith('/')
    ? `${scheme}://${authority}${path}`
    : path === '*'
      ? `${scheme}://${authority}/`
      : path;
  if (!URL.canParse(text)) throw new UploadResponseError('BAD_REQUEST', 'the URL is not valid');
  return text;
}

function bodyStream(request: WorkerRequest): ReadableStream<Uint8Array> {
  const { body } = request;
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      const chunk = await body.pull();
      if (chunk) {
        // The stream takes a whole buffer for itself: of the ring's it would be the whole mapping.
        const bytes = chunk.shared ? chunk.copy() : chunk.bytes;
        chunk.release();
        controller.enqueue(bytes as Uint8Array<ArrayBuffer>);
      } else {
        controller.close();
        controller.byobRequest?.respond(0);
      }
    },
    cancel() {
      void body.discard();
    },
  });
}
