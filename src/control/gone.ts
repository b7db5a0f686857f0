import { codeOf, type ErrorCode, UploadResponseError } from '../errors/index.js';
import { type Segment, streamIndex } from '../ring/index.js';

/** The least id: generations count from 1. */
const FIRST_ID = 65_536;

/** @throws UploadResponseError UNKNOWN_STREAM, STALE_STREAM; its cause says why it was aborted */
export function expectOpen(segment: Segment, id: number): void {
  const error = whyGone(segment, id);
  if (error) throw error;
}

/** Why nothing can be done with a stream any more; undefined while it is open. */
export function whyGone(segment: Segment, id: number): UploadResponseError | undefined {
  const { native, description, closed } = segment;
  if (closed) return new UploadResponseError('DETACHED');
  const index = streamIndex(id);
  if (id < FIRST_ID || index >= description.streamCount) return unknown(id);
  const open = native.streamAt(index);
  if (open > 0 && id > open) return unknown(id);
  const abort = native.abortCode(id);
  if (abort > 0) return aborted(codeOf(abort) ?? 'ABORTED');
  return native.isOpen(id) === 1 ? undefined : new UploadResponseError('STALE_STREAM');
}

/** The better reason behind an operation on a stream that has failed. */
export function explain(segment: Segment, id: number, error: unknown): unknown {
  return whyGone(segment, id) ?? error;
}

function unknown(id: number): UploadResponseError {
  return new UploadResponseError('UNKNOWN_STREAM', String(id));
}

function aborted(reason: ErrorCode): UploadResponseError {
  return new UploadResponseError('STALE_STREAM', reason, {
    cause: new UploadResponseError(reason),
  });
}
