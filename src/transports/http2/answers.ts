import type { OutgoingHttpHeaders } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { ErrorAnswer } from '../../ingress/index.js';
import type { Header } from '../../protocols/hpks/index.js';

/** A field of HTTP/1.1's upgrade to HTTP/2, which Node refuses to send. */
const NOT_IN_HTTP2 = 'http2-settings';

/**
 * Fields as Node sends them. Lines of one field become one value (RFC 9110 section 5.2): Node would
 * refuse two of a field that is no list. A value may not begin or end with white space (RFC 9113
 * section 8.2.1).
 */
export function outgoingHeaders(headers: readonly Header[]): OutgoingHttpHeaders {
  const fields: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of headers) {
    if (name === NOT_IN_HTTP2) continue;
    const text = value.replace(/^[\t ]+|[\t ]+$/g, '');
    const before = fields[name];
    if (before === undefined) fields[name] = name === 'set-cookie' ? [text] : text;
    else if (typeof before === 'string') fields[name] = `${before}, ${text}`;
    else before.push(text);
  }
  return fields;
}

/** Sends an error in place of the response. The stream must be open. `toHead`: the request was HEAD. */
export function sendAnswer(stream: ServerHttp2Stream, answer: ErrorAnswer, toHead: boolean): void {
  const fields = { ':status': answer.status, ...outgoingHeaders(answer.headers) };
  stream.respond(fields, { endStream: toHead });
  if (!toHead) stream.end(answer.body);
}
