import { createHash } from 'node:crypto';
import type { TestServer } from '../support/test-server.js';
import { within } from '../support/until.js';
import type { Answer, TransportClient, Upload, UploadOptions } from './client.js';

/** Slot size of the test server's pool. */
export const SLOT = 65_536;

/** Bytes that repeat nowhere near a slot's size; the same for the same length. */
export function sample(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = length + 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

export function sha256(...parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** Sends `body` as a whole and waits for the answer's head. */
export async function post(
  client: TransportClient,
  server: TestServer,
  options: UploadOptions,
  body: Uint8Array | string = '',
): Promise<Answer> {
  const upload = client.open(server, options);
  if (body.length > 0) await upload.write(body).catch(() => {});
  upload.end();
  return within(upload.answer, 'an answer');
}

/** An error answer's code and message. */
export async function errorOf(answer: Answer): Promise<{ error: string; message: string }> {
  return JSON.parse(await answer.text());
}

/** Writes `bytes` bytes, or until there is an answer. */
export async function pour(upload: Upload, bytes: number, chunk = SLOT): Promise<void> {
  let answered = false;
  const done = upload.answer.then(
    () => true,
    () => true,
  );
  void done.then(() => {
    answered = true;
  });
  const data = sample(chunk);
  for (let sent = 0; sent < bytes && !answered; sent += chunk) {
    await Promise.race([upload.write(data).catch(() => {}), done]);
  }
}
