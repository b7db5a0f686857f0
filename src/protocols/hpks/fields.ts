import type { ErrorCode } from '../../errors/index.js';

/** What fields may hold, as the inside of a character class over latin1 chars. */
const CHARS = {
  /** tchar of RFC 9110 section 5.6.2: methods and header names. */
  token: "!#$%&'*+\\-.^_`|~0-9A-Za-z",
  /** RFC 3986 section 3.1; the first must be `alpha`. */
  scheme: 'A-Za-z0-9+\\-.',
  alpha: 'A-Za-z',
  /** What RFC 3986 section 3.2 lets an authority be made of; its structure is not checked. */
  authority: "A-Za-z0-9\\-._~!$&'()*+,;=:@[\\]%",
  /** Everything but controls, space and DEL: who routes by the path decides what else it demands. */
  path: '\\x21-\\x7e\\x80-\\xff',
  /** RFC 9110 section 5.5: HTAB, SP, VCHAR and obs-text. */
  value: '\\t\\x20-\\x7e\\x80-\\xff',
} as const;

/** Bits of BYTE_CLASSES, by the sets of CHARS. */
export const ByteClass = {
  token: 1,
  scheme: 2,
  alpha: 4,
  authority: 8,
  path: 16,
  value: 32,
} as const;

function classify(): Uint8Array {
  const classes = new Uint8Array(256);
  for (const [name, chars] of Object.entries(CHARS)) {
    const pattern = new RegExp(`[${chars}]`);
    const bit = ByteClass[name as keyof typeof CHARS];
    for (let byte = 0; byte < 256; byte++) {
      if (pattern.test(String.fromCharCode(byte))) classes[byte] = (classes[byte] ?? 0) | bit;
    }
  }
  return classes;
}

/** The classes that each byte belongs to. */
export const BYTE_CLASSES: Uint8Array = classify();

/** The parts of a head, a message or a frame that begin with a varint, in the order of the wire. */
export const Field = {
  method: 0,
  scheme: 1,
  authority: 2,
  path: 3,
  headerCount: 4,
  name: 5,
  value: 6,
  body: 7,
} as const;

/** By Field: the class that its bytes must belong to; 0 where any byte will do. */
export const FIELD_CLASS: readonly number[] = [
  ByteClass.token,
  ByteClass.scheme,
  ByteClass.authority,
  ByteClass.path,
  0,
  ByteClass.token,
  ByteClass.value,
  0,
];

/** By Field: finds a char that the field may not hold. */
export const FIELD_FORBIDDEN: readonly RegExp[] = [
  new RegExp(`[^${CHARS.token}]`),
  new RegExp(`^[^${CHARS.alpha}]|[^${CHARS.scheme}]`),
  new RegExp(`[^${CHARS.authority}]`),
  new RegExp(`[^${CHARS.path}]`),
  /$./,
  new RegExp(`[^${CHARS.token}]`),
  new RegExp(`[^${CHARS.value}]`),
  /$./,
];

/** By Field: the error for a byte outside the class. */
export const FIELD_ERROR: readonly ErrorCode[] = [
  'HPKS_BAD_METHOD',
  'HPKS_BAD_SCHEME',
  'HPKS_BAD_AUTHORITY',
  'HPKS_BAD_PATH',
  'HPKS_TOO_MANY_HEADERS',
  'HPKS_BAD_HEADER_NAME',
  'HPKS_BAD_HEADER_VALUE',
  'HPKS_TOO_LONG',
];

/** "HPKS" and "HPK1". */
export const HPKS_MAGIC: readonly number[] = [0x48, 0x50, 0x4b, 0x53];
export const HPK1_MAGIC: readonly number[] = [0x48, 0x50, 0x4b, 0x31];
export const FORMAT_VERSION = 1;

export const FrameType = { headers: 1, body: 2, end: 3 } as const;
export const Kind = { request: 1, response: 2 } as const;

/** Bytes before the fields of a frame: magic, version, type, stream id. */
export const FRAME_HEADER_BYTES = 14;
