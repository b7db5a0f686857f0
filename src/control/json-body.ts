import type { Readable } from 'node:stream';
import { UploadResponseError } from '../errors/index.js';

/** A head with as many fields as fit into the largest slot. */
const MAX_BYTES = 4 * 2 ** 20;

/**
 * A request's body as JSON, `{}` without one.
 * @throws UploadResponseError UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, BAD_REQUEST, CLIENT_GONE
 */
export async function readJson(type: string | undefined, payload: Readable): Promise<unknown> {
  const bytes = await gather(payload);
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

async function gather(payload: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // Ending early must not end the connection, on which the error is to be said.
    for await (const chunk of payload.iterator({ destroyOnReturn: false })) {
      size += (chunk as Buffer).length;
      if (size > MAX_BYTES) break;
      chunks.push(chunk as Buffer);
    }
  } catch (cause) {
    throw new UploadResponseError('CLIENT_GONE', undefined, { cause });
  }
  if (size > MAX_BYTES) throw new UploadResponseError('BODY_TOO_LARGE', `${MAX_BYTES} are allowed`);
  return Buffer.concat(chunks);
}
