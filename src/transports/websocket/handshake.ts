import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { type Caller, withhold } from '../../admission/index.js';
import { UploadResponseError } from '../../errors/index.js';
import { callerOf, fieldsOf, hostOf } from '../../http/index.js';
import { endToEndHeaders, parseContentLength } from '../../ingress/index.js';
import type { Header, RequestHead } from '../../protocols/hpks/index.js';
import { isAllowedOrigin } from './origin.js';

/**
 * What a connection carries. `body`: one request, and the body of its answer. `head`: the head of the
 * answer too, before it. `exchanges`: one request after the other, each with its whole answer.
 */
export type Mode = 'body' | 'head' | 'exchanges';

/** Names of the modes as subprotocols. */
export const SUBPROTOCOLS: ReadonlyMap<string, Mode> = new Map([
  ['upload-response.head.v1', 'head'],
  ['upload-response.v1', 'exchanges'],
]);

/** Query parameters that are for us. */
const HEAD_PARAMETER = 'ur-head';
const LENGTH_PARAMETER = 'ur-length';
const OURS = { headers: [], parameters: [HEAD_PARAMETER, LENGTH_PARAMETER] };

const VERSION = '13';
const KEY = /^[+/0-9A-Za-z]{22}==$/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** A request to upgrade, understood. */
export interface Handshake {
  readonly mode: Mode;
  /** As workers see it: of the first request, or of all that say nothing else. */
  readonly head: RequestHead;
  /** The body's length, where it is declared. */
  readonly contentLength: number | undefined;
  readonly caller: Caller;
}

/**
 * Checks a request to upgrade. Its target is in origin form.
 * @throws UploadResponseError BAD_REQUEST, BAD_HANDSHAKE, WEBSOCKET_VERSION, ORIGIN_REFUSED
 */
export function readHandshake(
  request: IncomingMessage,
  transport: string,
  origins: readonly string[],
): Handshake {
  const { headers } = request;
  const fields = fieldsOf(request.rawHeaders);
  const authority = hostOf(request, fields);
  if (headers['sec-websocket-version'] !== VERSION) {
    throw new UploadResponseError('WEBSOCKET_VERSION', headers['sec-websocket-version']);
  }
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) throw bad('its Sec-WebSocket-Key is none');
  if ((headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined) {
    throw bad('it has a body');
  }
  if (!isAllowedOrigin(headers.origin, authority, origins)) {
    throw new UploadResponseError('ORIGIN_REFUSED', headers.origin);
  }
  const caller = callerOf(transport, request);
  const parameters = new URLSearchParams(caller.query);
  const contentLength = declaredLength(parameters.get(LENGTH_PARAMETER));
  const offered = protocolsOf(headers['sec-websocket-protocol']);
  const chosen = chooseProtocol(offered);
  const wantsHead = parameters.get(HEAD_PARAMETER) === '1';
  const head: RequestHead = {
    kind: 'request',
    version: 1,
    method: 'POST',
    scheme: (request.socket as TLSSocket).encrypted ? 'https' : 'http',
    authority,
    path: request.url ?? '/',
    headers: [
      ...endToEndHeaders(fields, 'expect').filter(isForWorkers),
      ...lengthOf(contentLength),
    ],
  };
  return {
    mode: SUBPROTOCOLS.get(chosen ?? '') ?? (wantsHead ? 'head' : 'body'),
    head: withhold(head, OURS),
    contentLength,
    caller: { ...caller, contentLength },
  };
}

/** The first that the client names and we know. */
export function chooseProtocol(offered: Iterable<string>): string | undefined {
  for (const name of offered) if (SUBPROTOCOLS.has(name)) return name;
  return undefined;
}

/** The field that a declared length is for workers. */
export function lengthOf(contentLength: number | undefined): Header[] {
  return contentLength === undefined ? [] : [['content-length', String(contentLength)]];
}

/** Fields of the handshake itself are no more end-to-end than those of the connection. */
function isForWorkers([name]: Header): boolean {
  return !name.startsWith('sec-websocket-') && name !== 'content-length';
}

function protocolsOf(field: string | undefined): string[] {
  if (field === undefined) return [];
  const names = field.split(',').map((name) => name.trim());
  if (!names.every((name) => TOKEN.test(name)) || new Set(names).size < names.length) {
    throw bad('its Sec-WebSocket-Protocol is no list of different names');
  }
  return names;
}

function declaredLength(value: string | null): number | undefined {
  if (value === null) return undefined;
  const length = parseContentLength(value);
  if (length === undefined) throw bad(`${LENGTH_PARAMETER} is no length`);
  return length;
}

function bad(detail: string): UploadResponseError {
  return new UploadResponseError('BAD_HANDSHAKE', detail);
}
