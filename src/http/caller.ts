import type { TLSSocket } from 'node:tls';
import type { Caller, ClientCertificate } from '../admission/index.js';
import { UploadResponseError } from '../errors/index.js';
import { parseContentLength } from '../ingress/index.js';
import type { RawRequest } from './routes.js';

/** What `callerOf` looks at. Without `rawHeaders` fields that came twice are not noticed. */
export type CallerRequest = Pick<RawRequest, 'socket' | 'headers' | 'url' | 'method'> &
  Partial<Pick<RawRequest, 'rawHeaders'>>;

/** One connection may carry many requests. */
const certificates = new WeakMap<object, ClientCertificate>();

/** Who sends a request, of any version of HTTP, and a WebSocket's upgrade too. Its target must be in
 *  origin form. @throws UploadResponseError BAD_REQUEST: it has two `Authorization` fields */
export function callerOf(transport: string, request: CallerRequest): Caller {
  const { socket, headers, url = '/', method = '' } = request;
  const { authorization } = headers;
  // Node takes the first one; who stands behind may take the last.
  if (authorization !== undefined && countOf(request.rawHeaders ?? [], 'authorization') > 1) {
    throw new UploadResponseError('BAD_REQUEST', 'it has more than one Authorization');
  }
  const mark = url.indexOf('?');
  return {
    transport,
    peer: socket?.remoteAddress ?? '',
    method,
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    authorization,
    forwardedFor: [headers['x-forwarded-for'] ?? []].flat().join(',') || undefined,
    certificate: certificateOf(socket as Partial<TLSSocket> | null),
    contentLength: parseContentLength(headers['content-length'] ?? ''),
  };
}

function countOf(rawHeaders: readonly string[], name: string): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === name) count++;
  }
  return count;
}

/** The certificate of a client that TLS has verified against `clientCaFile`; no other counts. */
export function certificateOf(
  socket: Partial<TLSSocket> | null | undefined,
): ClientCertificate | undefined {
  if (!socket?.authorized) return undefined;
  const known = certificates.get(socket);
  if (known) return known;
  const certificate = socket.getPeerX509Certificate?.();
  if (!certificate) return undefined;
  const { fingerprint256 } = certificate;
  // Node writes an attribute on each line, and escapes what is special in one.
  const made = { fingerprint256, subject: certificate.subject?.split('\n').join(',') ?? '' };
  certificates.set(socket, made);
  return made;
}
