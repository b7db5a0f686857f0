import type { ErrorCode } from '../../errors/index.js';

/** Reject codes of libsrt's access_control.h that the handshake gives, and what they are here. */
const CODES = new Map<number, ErrorCode>([
  [1401, 'UNAUTHENTICATED'],
  [1402, 'TOO_MANY_CONNECTIONS'],
  [1403, 'FORBIDDEN'],
  [1503, 'SHUTTING_DOWN'],
]);

/** 1400, 1405: a stream id that is none, or that does not publish. */
export function codeOfReject(reject: number): ErrorCode {
  return CODES.get(reject) ?? 'SRT_CALLER_REFUSED';
}
