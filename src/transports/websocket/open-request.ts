import type { Caller } from '../../admission/index.js';
import { UploadResponseError } from '../../errors/index.js';
import { endToEndHeaders } from '../../ingress/index.js';
import type { RequestHead } from '../../protocols/hpks/index.js';
import { lengthOf } from './handshake.js';
import type { OpenMessage } from './messages.js';
import type { WebSocketRequest } from './websocket-exchange.js';

/** Fields that have a place of their own in the head or the message. */
const PLACED = new Set(['host', 'content-length']);

/**
 * The request that a message opens: the connection's, with what the message says.
 * @throws UploadResponseError UNKNOWN_PATH
 */
export function requestOf(
  { path, headers, length }: OpenMessage,
  head: RequestHead,
  isUploadPath: (path: string) => boolean,
): WebSocketRequest {
  if (path !== undefined && !isUploadPath(partsOf(path).path)) {
    throw new UploadResponseError('UNKNOWN_PATH');
  }
  const own = endToEndHeaders(headers).filter(([name]) => !PLACED.has(name));
  const names = new Set([...own.map(([name]) => name), 'content-length']);
  const inherited = head.headers.filter(([name]) => !names.has(name));
  const fields = [...inherited, ...own, ...lengthOf(length)];
  return { head: { ...head, path: path ?? head.path, headers: fields }, contentLength: length };
}

/** Who sends it. The connection's credentials count, whatever the path; those in its query too. */
export function callerOf({ path, length: contentLength }: OpenMessage, caller: Caller): Caller {
  if (path === undefined) return { ...caller, contentLength };
  const parts = partsOf(path);
  const query = [parts.query, caller.query].filter(Boolean).join('&');
  return { ...caller, path: parts.path, query, contentLength };
}

function partsOf(target: string): { readonly path: string; readonly query: string } {
  const mark = target.indexOf('?');
  return mark < 0
    ? { path: target, query: '' }
    : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}
