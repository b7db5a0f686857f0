import type { IncomingMessage } from 'node:http';
import { UploadResponseError } from '../../errors/index.js';
import { fieldPairs } from '../../http/index.js';
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
  const fields = fieldPairs(request.rawHeaders);
  const contentLength = declaredLength(fields);
  const chunked = isChunked(request, fields);
  if (chunked && contentLength !== undefined) {
    throw bad('it has both Content-Length and Transfer-Encoding');
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
  return fieldPairs(request.rawTrailers);
}

/** Turns the absolute form of a request target into the origin form that routes and workers know. */
export function normalizeTarget(request: IncomingMessage): void {
  const match = /^https?:\/\/([^/?#]*)(.*)$/i.exec(request.url ?? '');
  if (!match) return;
  const [, authority = '', rest = ''] = match;
  request.url = rest.startsWith('/') ? rest : `/${rest}`;
  // RFC 9112 section 3.2.2: the target's authority counts, whatever Host says.
  const host = request.rawHeaders.findIndex((text, i) => i % 2 === 0 && isName(text, 'host'));
  if (host >= 0) request.rawHeaders[host + 1] = authority;
}

function isName(text: string, name: string): boolean {
  return text.length === name.length && text.toLowerCase() === name;
}

function valuesOf(fields: readonly Header[], name: string): string[] {
  return fields.filter(([key]) => isName(key, name)).map(([, value]) => value);
}

function declaredLength(fields: readonly Header[]): number | undefined {
  const values = valuesOf(fields, 'content-length');
  if (values.length === 0) return undefined;
  const length = values.length === 1 ? parseContentLength(values[0] as string) : undefined;
  if (length === undefined) throw bad('its Content-Length is not one number');
  return length;
}

function isChunked(request: IncomingMessage, fields: readonly Header[]): boolean {
  const codings = valuesOf(fields, 'transfer-encoding');
  if (codings.length === 0) return false;
  if (request.httpVersionMinor === 0) throw bad('HTTP/1.0 has no Transfer-Encoding');
  const [coding = ''] = codings;
  if (codings.length > 1 || coding.trim().toLowerCase() !== 'chunked') {
    throw bad('its Transfer-Encoding is not chunked');
  }
  return true;
}

function hostOf(request: IncomingMessage, fields: readonly Header[]): string | undefined {
  const hosts = valuesOf(fields, 'host');
  if (hosts.length > 1) throw bad('it has more than one Host');
  if (hosts.length === 0 && request.httpVersionMinor !== 0) throw bad('it has no Host');
  return hosts[0];
}

function bad(detail: string): UploadResponseError {
  return new UploadResponseError('BAD_REQUEST', detail);
}
