import { UploadResponseError } from '../errors/index.js';
import { decodeHeaders, type Header } from '../protocols/hpks/index.js';
import { endToEndHeaders, parseContentLength, trailerFields } from './headers.js';

/** A worker's response head after it has been checked: nothing in it can split a response. */
export interface ResponseStart {
  /** 200..599 */
  readonly status: number;
  /** End-to-end fields, names in lower case. */
  readonly headers: readonly Header[];
  /** The Content-Length that the worker promised. */
  readonly contentLength: number | undefined;
  /** The response has no body by its status, or because the request was HEAD. */
  readonly bodyless: boolean;
}

/**
 * Reads the head slot of a response lane.
 * @throws UploadResponseError INVALID_RESPONSE
 */
export function readResponseHead(slot: Uint8Array, toHead: boolean): ResponseStart {
  const head = decodeSlot(slot);
  if (head.kind !== 'response') throw invalid('the head is a request head');
  const { status } = head;
  if (status < 200 || status > 599) throw invalid(`${status} is no final status`);
  const withoutContent = status === 204 || status === 205;
  const headers = endToEndHeaders(head.headers, withoutContent ? 'content-length' : undefined);
  return {
    status,
    headers,
    contentLength: contentLengthOf(headers),
    bodyless: toHead || withoutContent || status === 304,
  };
}

/**
 * Reads a trailer slot: a headers frame of either kind, of which only the fields count.
 * @throws UploadResponseError INVALID_RESPONSE
 */
export function readTrailers(slot: Uint8Array): Header[] {
  return trailerFields(decodeSlot(slot).headers);
}

function decodeSlot(slot: Uint8Array) {
  // A copy: the worker can still write the slot, between the check and the use too.
  const bytes = slot.slice();
  try {
    const { frame, consumed } = decodeHeaders(bytes);
    if (consumed === bytes.length) return frame.head;
  } catch (cause) {
    throw invalid((cause as Error).message, cause);
  }
  throw invalid('something follows the headers frame in its slot');
}

function contentLengthOf(headers: readonly Header[]): number | undefined {
  const given = headers.filter(([name]) => name === 'content-length');
  const [first] = given;
  if (!first) return undefined;
  const length = given.length === 1 ? parseContentLength(first[1]) : undefined;
  if (length === undefined) throw invalid('the Content-Length is not one number');
  return length;
}

/** The error for what a worker must not write. */
export function invalid(detail: string, cause?: unknown): UploadResponseError {
  return new UploadResponseError('INVALID_RESPONSE', detail, { cause });
}
