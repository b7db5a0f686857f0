import type { UploadResponseError } from '../../errors/index.js';

/** RFC 6455 section 5.5: 125 bytes, of which the code takes two. */
const MAX_REASON_BYTES = 123;

/** Codes of RFC 6455 section 7.4.1 and of its registry at IANA. */
export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  policyViolation: 1008,
  messageTooBig: 1009,
  internalError: 1011,
  tryAgainLater: 1013,
} as const;

/** The close code for the HTTP status that the same error has as an answer. */
export function closeCodeOf(status: number): number {
  if (status === 400) return CloseCode.protocolError;
  if (status === 413 || status === 431) return CloseCode.messageTooBig;
  if (status === 415) return CloseCode.unsupportedData;
  if (status === 429 || status === 503) return CloseCode.tryAgainLater;
  return status < 500 ? CloseCode.policyViolation : CloseCode.internalError;
}

/** What the client reads beside the code: `503 NO_WORKER: no worker ...`, cut to what fits. */
export function closeReasonOf(status: number, { code, message }: UploadResponseError): string {
  const bytes = Buffer.from(`${status} ${code}: ${message}`);
  if (bytes.length <= MAX_REASON_BYTES) return bytes.toString();
  let end = MAX_REASON_BYTES;
  // Not within a character of UTF-8.
  while (((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
