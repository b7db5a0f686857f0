import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { UploadResponseError } from '../../errors/index.js';

/** Length of C1, S1, C2 and S2 each. */
export const HANDSHAKE_BYTES = 1536;

const VERSION = 3;
const DIGEST_BYTES = 32;
/** Where the four bytes are that say where the digest is, in the two layouts that clients use. */
const LAYOUTS = [772, 8] as const;
const DIGEST_RANGE = 728;

const CLIENT_KEY = Buffer.from('Genuine Adobe Flash Player 001');
const SERVER_KEY = Buffer.from('Genuine Adobe Flash Media Server 001');
const SERVER_KEY_TAIL = Buffer.from(
  'f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae',
  'hex',
);

/**
 * S0, S1 and S2 for what the client began with. A client that signs its C1 gets a signed answer, as
 * Flash's servers gave it; others get the plain one of the specification.
 * @throws UploadResponseError RTMP_HANDSHAKE: `c0` is another version
 */
export function answerHandshake(c0: number, c1: Buffer): Buffer {
  if (c0 !== VERSION) throw new UploadResponseError('RTMP_HANDSHAKE', `its version is ${c0}`);
  const s1 = randomBytes(HANDSHAKE_BYTES);
  s1.writeUInt32BE(0, 0);
  const layout = LAYOUTS.find((one) => isSigned(c1, one));
  if (layout === undefined) {
    s1.writeUInt32BE(0, 4);
    return Buffer.concat([Buffer.from([VERSION]), s1, c1]);
  }
  // The version that clients look for before they check signatures.
  s1.writeUInt32BE(0x04050001, 4);
  const at = digestOffset(s1, layout);
  digest(s1, at, SERVER_KEY).copy(s1, at);
  const clientAt = digestOffset(c1, layout);
  const key = hmac(
    Buffer.concat([SERVER_KEY, SERVER_KEY_TAIL]),
    c1.subarray(clientAt, clientAt + DIGEST_BYTES),
  );
  const s2 = randomBytes(HANDSHAKE_BYTES);
  const signed = HANDSHAKE_BYTES - DIGEST_BYTES;
  hmac(key, s2.subarray(0, signed)).copy(s2, signed);
  return Buffer.concat([Buffer.from([VERSION]), s1, s2]);
}

function isSigned(c1: Buffer, layout: number): boolean {
  // Clients that do not sign have a zero here.
  if (c1.readUInt32BE(4) === 0) return false;
  const at = digestOffset(c1, layout);
  return timingSafeEqual(digest(c1, at, CLIENT_KEY), c1.subarray(at, at + DIGEST_BYTES));
}

function digestOffset(bytes: Buffer, layout: number): number {
  let sum = 0;
  for (let i = 0; i < 4; i++) sum += bytes[layout + i] as number;
  return (sum % DIGEST_RANGE) + layout + 4;
}

/** Of everything but the digest itself. */
function digest(bytes: Buffer, at: number, key: Buffer): Buffer {
  return hmac(key, bytes.subarray(0, at), bytes.subarray(at + DIGEST_BYTES));
}

function hmac(key: Buffer, ...parts: readonly Buffer[]): Buffer {
  const hash = createHmac('sha256', key);
  for (const part of parts) hash.update(part);
  return hash.digest();
}
