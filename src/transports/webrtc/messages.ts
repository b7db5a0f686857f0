import { z } from 'zod';
import { UploadResponseError } from '../../errors/index.js';
import type { ErrorAnswer } from '../../ingress/index.js';
import type { Header } from '../../protocols/hpks/index.js';

/** Text messages of a data channel: docs/transports/webrtc.md says when each one is sent. */

const headers = z.array(z.tuple([z.string(), z.string()])).readonly();

const clientMessage = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('open'),
    /** Beside those that every channel has. */
    headers: headers.default([]),
    /** Bytes of the body. */
    length: z.int().min(0).optional(),
  }),
  z.strictObject({ type: z.literal('end'), trailers: headers.default([]) }),
  z.strictObject({ type: z.literal('abort') }),
]);

export type ClientMessage = z.output<typeof clientMessage>;
export type OpenMessage = Extract<ClientMessage, { type: 'open' }>;

/** @throws UploadResponseError BAD_MESSAGE, HEAD_TOO_LARGE */
export function readMessage(text: string, maxBytes: number): ClientMessage {
  if (text.length > maxBytes) {
    throw new UploadResponseError('HEAD_TOO_LARGE', `a message of ${text.length} characters`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UploadResponseError('BAD_MESSAGE', 'it is no JSON');
  }
  const parsed = clientMessage.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.');
  throw new UploadResponseError('BAD_MESSAGE', [where, issue?.message].filter(Boolean).join(': '));
}

export const headMessage = (status: number, fields: readonly Header[]): string =>
  JSON.stringify({ type: 'head', status, headers: fields });

export const endMessage = (trailers: readonly Header[] | undefined): string =>
  JSON.stringify({ type: 'end', trailers });

/** `bytes`: of the body that the client may have sent since its beginning. */
export const windowMessage = (bytes: number): string => JSON.stringify({ type: 'window', bytes });

/** There is no answer, or no more of it. The members are those of the HTTP answer's body. */
export function errorMessage({ status, headers: fields, body }: ErrorAnswer): string {
  const own = fields.filter(([name]) => !name.startsWith('content-'));
  return JSON.stringify({ type: 'error', status, headers: own, ...JSON.parse(body) });
}
