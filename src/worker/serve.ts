import { UploadResponseError } from '../errors/index.js';
import { attach } from './attach.js';
import type { Exchange } from './exchange.js';
import type { WorkerOptions } from './options.js';
import { toRequest } from './web-request.js';
import type { Worker } from './worker.js';

/** What a fetch handler gets beside the request; a Hono app sees it as `c.env`. */
export interface FetchContext {
  readonly exchange: Exchange;
}

/** A handler of web-standard objects, such as a Hono app's `fetch`. */
export type FetchHandler = (
  request: Request,
  context: FetchContext,
) => Response | Promise<Response>;

/**
 * Attaches and answers every request with `handler`; several run at once. Bodies stream both ways.
 * The request's bytes are copied, because a web stream hands its buffers away.
 * @throws UploadResponseError as `attach`
 */
export async function serve(
  handler: FetchHandler,
  options: Omit<WorkerOptions, 'observer'> = {},
): Promise<Worker<Exchange>> {
  const worker = await attach({ ...options, observer: undefined });
  void worker.run((exchange) => answerWith(handler, exchange));
  return worker;
}

/** Answers one exchange with a fetch handler. Rejects with what the handler threw. */
export async function answerWith(handler: FetchHandler, exchange: Exchange): Promise<void> {
  let request: Request;
  try {
    request = toRequest(exchange);
  } catch (error) {
    await exchange.respond(400).end(`${(error as Error).message}\n`);
    return;
  }
  const response = await handler(request, { exchange });
  // A body that the handler cannot read must not keep the client waiting. One that it can read it may
  // still read while it answers.
  if (!request.body) void exchange.request.body.discard();
  await send(response, exchange);
}

async function send(response: Response, exchange: Exchange): Promise<void> {
  if (!(response instanceof Response) && typeof (response as Response)?.status !== 'number') {
    throw new UploadResponseError('INVALID_RESPONSE', 'the handler must return a Response');
  }
  if (response.status === 0) throw new UploadResponseError('INVALID_RESPONSE', 'Response.error()');
  const writer = exchange.respond(response.status, response.headers);
  const reader = response.body?.getReader();
  if (!reader) return writer.end();
  const { signal } = exchange;
  const cancel = () => reader.cancel(signal.reason).catch(() => undefined);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    if (exchange.request.method === 'HEAD') await reader.cancel();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      await writer.write(part.value);
    }
    await writer.end();
  } catch (error) {
    await reader.cancel(error).catch(() => undefined);
    throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}
