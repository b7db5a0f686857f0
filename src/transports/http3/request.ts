import type { Caller } from '../../admission/index.js';
import { UploadResponseError } from '../../errors/index.js';
import { endToEndHeaders, parseContentLength } from '../../ingress/index.js';
import type { Header, RequestHead } from '../../protocols/hpks/index.js';

/** A request as the ingress wants it. */
export interface ParsedRequest {
  readonly head: RequestHead;
  /** The declared length of the body. */
  readonly contentLength: number | undefined;
  readonly authorization: string | undefined;
  /** All of `X-Forwarded-For`. */
  readonly forwardedFor: string | undefined;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const LOWER_TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** RFC 9110 section 5.5, in latin1. */
const FIELD_VALUE = /^(?:[!-~\x80-\xff](?:[\t !-~\x80-\xff]*[!-~\x80-\xff])?)?$/;
const TARGET = /^[!-~\x80-\xff]+$/;
/** RFC 9114 section 4.2: fields of a connection make a message malformed. */
const OF_A_CONNECTION = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
];
const PSEUDO = [':method', ':scheme', ':authority', ':path'];

/**
 * Checks a head by RFC 9114 section 4.3 and makes the one that workers see.
 * @throws UploadResponseError BAD_REQUEST
 */
export function parseRequest(fields: readonly Header[]): ParsedRequest {
  const pseudo = new Map<string, string>();
  const regular: Header[] = [];
  for (const [name, value] of fields) {
    if (!name.startsWith(':')) {
      regular.push([name, checkField(name, value)]);
      continue;
    }
    if (regular.length > 0) throw bad('a pseudo-header field follows a field');
    if (!PSEUDO.includes(name)) throw bad(`${JSON.stringify(name)} is no request's`);
    if (pseudo.has(name)) throw bad(`it has two ${name}`);
    if (!FIELD_VALUE.test(value)) throw bad(`its ${name} has a character that may not be there`);
    pseudo.set(name, value);
  }
  const contentLength = lengthOf(regular);
  return {
    head: {
      kind: 'request',
      version: 3,
      method: methodOf(pseudo),
      scheme: pseudo.get(':scheme'),
      authority: authorityOf(pseudo, regular),
      path: pathOf(pseudo),
      headers: endToEndHeaders(withOneCookie(regular), 'expect'),
    },
    contentLength,
    authorization: authorizationOf(regular),
    forwardedFor: valuesOf(regular, 'x-forwarded-for').join(',') || undefined,
  };
}

/** Who sends it, for admission. */
export function callerOf(transport: string, peer: string, request: ParsedRequest): Caller {
  const { method, path } = request.head;
  const mark = path.indexOf('?');
  return {
    transport,
    peer,
    method,
    path: mark < 0 ? path : path.slice(0, mark),
    query: mark < 0 ? '' : path.slice(mark + 1),
    authorization: request.authorization,
    forwardedFor: request.forwardedFor,
    // The engine asks for no certificate.
    certificate: undefined,
    contentLength: request.contentLength,
  };
}

/** The size of a head as RFC 9114 section 4.2.2 counts it. */
export function sizeOf(fields: readonly Header[]): number {
  return fields.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
}

/** Whether a request's path is the prefix or below it. @throws UploadResponseError BAD_REQUEST */
export function isBelow(prefix: string, path: string): boolean {
  const mark = path.indexOf('?');
  const plain = decoded(mark < 0 ? path : path.slice(0, mark));
  const base = prefix === '/' ? '' : prefix;
  return plain === base || plain.startsWith(`${base}/`);
}

function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    throw bad('its path is not encoded as a URL');
  }
}

function checkField(name: string, value: string): string {
  if (!LOWER_TOKEN.test(name)) throw bad(`${JSON.stringify(name)} is no field name in lower case`);
  if (OF_A_CONNECTION.includes(name)) throw bad(`it has the field ${name}`);
  if (name === 'te' && value !== 'trailers') throw bad('its te is not trailers');
  if (!FIELD_VALUE.test(value))
    throw bad(`the value of ${name} has a character that may not be there`);
  return value;
}

function methodOf(pseudo: ReadonlyMap<string, string>): string {
  const method = pseudo.get(':method') ?? '';
  if (!TOKEN.test(method)) throw bad('its :method is none');
  if (method === 'CONNECT') throw bad('CONNECT is not served');
  if (!pseudo.get(':scheme')) throw bad('it has no :scheme');
  return method;
}

function pathOf(pseudo: ReadonlyMap<string, string>): string {
  const path = pseudo.get(':path') ?? '';
  if (!TARGET.test(path) || !(path.startsWith('/') || path === '*')) throw bad('its :path is none');
  return path;
}

/** RFC 9114 section 4.3.1: one of the two, or both and the same. */
function authorityOf(pseudo: ReadonlyMap<string, string>, fields: readonly Header[]): string {
  const hosts = valuesOf(fields, 'host');
  if (hosts.length > 1) throw bad('it has more than one Host');
  const authority = pseudo.get(':authority') ?? hosts[0] ?? '';
  if (authority === '') throw bad('it has neither :authority nor Host');
  if (authority.includes('@')) throw bad('its :authority names a user');
  if (hosts.length === 1 && hosts[0] !== authority) throw bad('its :authority is not its Host');
  return authority;
}

function lengthOf(fields: readonly Header[]): number | undefined {
  const values = valuesOf(fields, 'content-length');
  if (values.length === 0) return undefined;
  const length = values.length === 1 ? parseContentLength(values[0] as string) : undefined;
  if (length === undefined) throw bad('its Content-Length is not one number');
  return length;
}

/** RFC 9114 section 4.2.1: outside of HTTP/3 a cookie is one field. */
function withOneCookie(fields: readonly Header[]): readonly Header[] {
  const cookies = valuesOf(fields, 'cookie');
  if (cookies.length < 2) return fields;
  const rest = fields.filter(([name]) => name !== 'cookie');
  return [...rest, ['cookie', cookies.join('; ')]];
}

function authorizationOf(fields: readonly Header[]): string | undefined {
  const values = valuesOf(fields, 'authorization');
  // Who stands behind may take another one.
  if (values.length > 1) throw bad('it has more than one Authorization');
  return values[0];
}

function valuesOf(fields: readonly Header[], wanted: string): string[] {
  return fields.filter(([name]) => name === wanted).map(([, value]) => value);
}

function bad(detail: string): UploadResponseError {
  return new UploadResponseError('BAD_REQUEST', detail);
}
