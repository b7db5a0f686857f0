import { z } from 'zod';
import { UploadResponseError } from '../../errors/index.js';
import type { ErrorAnswer } from '../../ingress/index.js';
import type { Header } from '../../protocols/hpks/index.js';

/** Text messages: docs/transports/websocket.md says when each one is sent. */

const headers = z.array(z.tuple([z.string(), z.string()])).readonly();

const openMessage = z.strictObject({
  type: z.literal('open'),
  /** Path and query; those of the connection without it. */
  path: z.string().startsWith('/').optional(),
  /** Beside those of the connection, and in their place where they have the same name. */
  headers: headers.default([]),
  /** Bytes of the body. */
  length: z.int().min(0).optional(),
});

const clientMessage = z.discriminatedUnion('type', [
  openMessage,
  z.strictObject({ type: z.literal('end'), trailers: headers.default([]) }),
  z.strictObject({ type: z.literal('abort') }),
]);

export type OpenMessage = z.output<typeof openMessage>;
export type ClientMessage = z.output<typeof clientMessage>;

/** @throws UploadResponseError BAD_MESSAGE, HEAD_TOO_LARGE */
export function readMessage(data: Buffer, maxBytes: number): ClientMessage {
  if (data.length > maxBytes) {
    throw new UploadResponseError('HEAD_TOO_LARGE', `a message of ${data.length} bytes`);
  }
  let value: unknown;
  try {
    value = JSON.parse(data.toString());
  } catch {
    throw new UploadResponseError('BAD_MESSAGE', 'it is no JSON');
  }
  const parsed = clientMessage.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.');
  const detail = where ? `${where}: ${issue?.message}` : issue?.message;
  throw new UploadResponseError('BAD_MESSAGE', detail);
}

/** The answer's head. */
export function headMessage(status: number, fields: readonly Header[]): string {
  return JSON.stringify({ type: 'head', status, headers: fields });
}

/** The answer is complete. */
export function endMessage(trailers: readonly Header[] | undefined): string {
  return JSON.stringify({ type: 'end', trailers });
}

/** There is no answer, or no more of it. The members are those of the HTTP answer's body. */
export function errorMessage({ status, headers: fields, body }: ErrorAnswer): string {
  const own = fields.filter(([name]) => !name.startsWith('content-'));
  return JSON.stringify({ type: 'error', status, headers: own, ...JSON.parse(body) });
}
