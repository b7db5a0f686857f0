import type { Readable } from 'node:stream';
import { UploadResponseError } from '../errors/index.js';
import { gatherBody } from '../http/index.js';

/** A head with as many fields as fit into the largest slot. */
const MAX_BYTES = 4 * 2 ** 20;

/**
 * A request's body as JSON, `{}` without one.
 * @throws UploadResponseError UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, BAD_REQUEST, CLIENT_GONE
 */
export async function readJson(type: string | undefined, payload: Readable): Promise<unknown> {
  const bytes = await gatherBody(payload, MAX_BYTES);
  if (bytes.length === 0) return {};
  if (type?.split(';')[0]?.trim().toLowerCase() !== 'application/json') {
    throw new UploadResponseError('UNSUPPORTED_MEDIA_TYPE', type ?? 'it has none');
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new UploadResponseError('BAD_REQUEST', 'the body is no JSON', { cause });
  }
}
