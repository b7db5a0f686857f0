import type { IncomingMessage } from 'node:http';
import { badRequest, fieldsOf, hostOf, valuesOf } from '../../http/index.js';
import { endToEndHeaders, parseContentLength } from '../../ingress/index.js';
import type { Header, RequestHead } from '../../protocols/hpks/index.js';

/** A request as the ingress wants it. */
export interface ParsedRequest {
  readonly head: RequestHead;
  /** The declared length of the body. */
  readonly contentLength: number | undefined;
  /** A body follows, of length 0 or more. */
  readonly hasBody: boolean;
}

/**
 * Checks what Node's parser leaves to its user, and makes the head that workers see.
 * @throws UploadResponseError BAD_REQUEST
 */
export function parseRequest(request: IncomingMessage, scheme: string): ParsedRequest {
  const fields = fieldsOf(request.rawHeaders);
  const contentLength = declaredLength(fields);
  const chunked = isChunked(request, fields);
  if (chunked && contentLength !== undefined) {
    throw badRequest('it has both Content-Length and Transfer-Encoding');
  }
  return {
    head: {
      kind: 'request',
      version: 1,
      method: request.method ?? '',
      scheme,
      authority: hostOf(request, fields),
      path: request.url ?? '/',
      headers: endToEndHeaders(fields, 'expect'),
    },
    contentLength,
    hasBody: chunked || (contentLength ?? 0) > 0,
  };
}

/** True while bytes of the request's body may still come. */
export function isUnread(request: IncomingMessage): boolean {
  const { headers } = request;
  if (request.complete) return false;
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** The fields of a trailer section. */
export function trailersOf(request: IncomingMessage): Header[] {
  return fieldsOf(request.rawTrailers);
}

function declaredLength(fields: readonly Header[]): number | undefined {
  const values = valuesOf(fields, 'content-length');
  if (values.length === 0) return undefined;
  const length = values.length === 1 ? parseContentLength(values[0] as string) : undefined;
  if (length === undefined) throw badRequest('its Content-Length is not one number');
  return length;
}

function isChunked(request: IncomingMessage, fields: readonly Header[]): boolean {
  const codings = valuesOf(fields, 'transfer-encoding');
  if (codings.length === 0) return false;
  if (request.httpVersionMinor === 0) throw badRequest('HTTP/1.0 has no Transfer-Encoding');
  const [coding = ''] = codings;
  if (codings.length > 1 || coding.trim().toLowerCase() !== 'chunked') {
    throw badRequest('its Transfer-Encoding is not chunked');
  }
  return true;
}
