import type { IncomingMessage } from 'node:http';
import { UploadResponseError } from '../errors/index.js';

/** Name and value, as they came. */
export type Field = readonly [name: string, value: string];

/** Node's flat list of names and values as pairs. */
export function fieldsOf(raw: readonly string[]): Field[] {
  const list: Field[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) list.push([raw[i] as string, raw[i + 1] as string]);
  return list;
}

/** The values of every field of this name, which is in lower case. */
export function valuesOf(fields: readonly Field[], name: string): string[] {
  return fields.filter(([key]) => isName(key, name)).map(([, value]) => value);
}

/** The authority of an HTTP/1.x request. @throws UploadResponseError BAD_REQUEST */
export function hostOf(request: IncomingMessage, fields: readonly Field[]): string | undefined {
  const hosts = valuesOf(fields, 'host');
  if (hosts.length > 1) throw badRequest('it has more than one Host');
  if (hosts.length === 0 && request.httpVersionMinor !== 0) throw badRequest('it has no Host');
  return hosts[0];
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

/** The error for a request that cannot be understood. */
export function badRequest(detail: string): UploadResponseError {
  return new UploadResponseError('BAD_REQUEST', detail);
}

function isName(text: string, name: string): boolean {
  return text.length === name.length && text.toLowerCase() === name;
}
