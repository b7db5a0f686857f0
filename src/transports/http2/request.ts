import { METHODS } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { UploadResponseError } from '../../errors/index.js';
import { fieldsOf } from '../../http/index.js';
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

/** What RFC 9113 section 6.5.2 counts for a field beside its name and value. */
const FIELD_OVERHEAD_BYTES = 32;

const METHOD_NAMES = new Set(METHODS);

/** Size of a request head as RFC 9113 section 6.5.2 counts it. */
export function headBytes({ rawHeaders }: Http2ServerRequest): number {
  let bytes = 0;
  for (const text of rawHeaders) bytes += text.length + FIELD_OVERHEAD_BYTES / 2;
  return bytes;
}

/**
 * Checks what a request must be before it can have a route. nghttp2 has checked the rest of RFC 9113
 * section 8 and reset what is malformed: pseudo-header fields, fields of a connection, lengths.
 * @throws UploadResponseError BAD_REQUEST, HEAD_TOO_LARGE, EXPECTATION_FAILED
 */
export function checkRequest(request: Http2ServerRequest, maxHeadBytes: number): void {
  const { method, headers } = request;
  if (headBytes(request) > maxHeadBytes) throw new UploadResponseError('HEAD_TOO_LARGE');
  if (method === 'CONNECT') throw bad('there is nothing that CONNECT could reach');
  if (!METHOD_NAMES.has(method)) throw bad('its method is unknown');
  const scheme = headers[':scheme'];
  if (scheme !== 'http' && scheme !== 'https') throw bad('its :scheme is neither http nor https');
  if (headers.expect !== undefined && !expectsContinue(request)) {
    throw new UploadResponseError('EXPECTATION_FAILED', headers.expect);
  }
}

/** The client sends the body after the interim response 100. */
export function expectsContinue({ headers }: Http2ServerRequest): boolean {
  return headers.expect?.toLowerCase() === '100-continue';
}

/**
 * The head that workers see. `scheme`: of the connection, whatever the request says.
 * @throws UploadResponseError BAD_REQUEST
 */
export function parseRequest(request: Http2ServerRequest, scheme: string): ParsedRequest {
  const fields = fieldsOf(request.rawHeaders).filter(([name]) => !name.startsWith(':'));
  const declared = request.headers['content-length'];
  const contentLength = declared === undefined ? undefined : parseContentLength(declared);
  if (declared !== undefined && contentLength === undefined) {
    throw bad('its Content-Length is not one number');
  }
  return {
    head: {
      kind: 'request',
      version: 2,
      method: request.method,
      scheme,
      authority: authorityOf(request),
      path: request.url,
      headers: withOneCookie(endToEndHeaders(fields, 'expect')),
    },
    contentLength,
    hasBody: !request.stream.endAfterHeaders,
  };
}

/** RFC 9113 section 8.3.1: a Host field beside :authority must say the same. */
function authorityOf({ headers }: Http2ServerRequest): string | undefined {
  const { host, ':authority': authority } = headers;
  if (authority !== undefined && host !== undefined) {
    if (authority.toLowerCase() !== host.toLowerCase()) throw bad('its Host is not its :authority');
  }
  const one = authority ?? host;
  if (one?.includes('@')) throw bad('its :authority names a user');
  return one;
}

/** RFC 9113 section 8.2.3: who knows nothing of HTTP/2 gets the crumbs of a cookie as one field. */
function withOneCookie(headers: Header[]): Header[] {
  const isCookie = ([name]: Header) => name === 'cookie';
  const crumbs = headers.filter(isCookie);
  if (crumbs.length < 2) return headers;
  const cookie: Header = ['cookie', crumbs.map(([, value]) => value).join('; ')];
  const first = headers.findIndex(isCookie);
  return headers.flatMap((field, i) => (i === first ? [cookie] : isCookie(field) ? [] : [field]));
}

function bad(detail: string): UploadResponseError {
  return new UploadResponseError('BAD_REQUEST', detail);
}
