import type { Readable } from 'node:stream';
import { UploadResponseError } from '../errors/index.js';

/**
 * The whole of a body that is small; one of more than `maxBytes` is left unread from there on, and the
 * connection open, for the answer.
 * @throws UploadResponseError BODY_TOO_LARGE, CLIENT_GONE
 */
export async function gatherBody(payload: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of payload.iterator({ destroyOnReturn: false })) {
      size += (chunk as Buffer).length;
      if (size > maxBytes) break;
      chunks.push(chunk as Buffer);
    }
  } catch (cause) {
    throw new UploadResponseError('CLIENT_GONE', undefined, { cause });
  }
  if (size > maxBytes) {
    throw new UploadResponseError('BODY_TOO_LARGE', `${maxBytes} bytes are allowed`);
  }
  return Buffer.concat(chunks);
}
