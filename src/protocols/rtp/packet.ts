import { UploadResponseError } from '../../errors/index.js';

/** An RTP packet (RFC 3550 section 5.1). All byte fields are views of the datagram. */
export interface RtpPacket {
  readonly payloadType: number;
  readonly marker: boolean;
  /** 16 bits. */
  readonly sequence: number;
  /** 32 bits, in the units of the payload's clock. */
  readonly timestamp: number;
  readonly ssrc: number;
  /** Elements of one byte's head (RFC 8285 section 4.2), if it has such. */
  readonly extension?: Buffer;
  /** Without padding; empty in packets that only probe or keep alive. */
  readonly payload: Buffer;
  /** Of the whole datagram: what holding the payload holds. */
  readonly datagramBytes: number;
}

/** What a datagram on a port of WebRTC is (RFC 7983, RFC 5761), by its first two bytes. */
export type DatagramKind = 'rtp' | 'rtcp' | 'stun' | 'dtls' | 'unknown';

const FIXED_BYTES = 12;
/** What an extension begins with whose elements have heads of one byte. */
const ONE_BYTE_HEADS = 0xbede;

export function kindOf(datagram: Uint8Array): DatagramKind {
  const [first, second = 0] = datagram;
  if (first === undefined) return 'unknown';
  if (first >= 128 && first <= 191) return second >= 192 && second <= 223 ? 'rtcp' : 'rtp';
  if (first <= 3) return 'stun';
  return first >= 20 && first <= 63 ? 'dtls' : 'unknown';
}

/**
 * Reads an RTP packet. Contributing sources are skipped.
 * @throws UploadResponseError RTP_INVALID: another version, or a length that points out of the datagram
 */
export function parseRtp(datagram: Buffer): RtpPacket {
  const { length } = datagram;
  if (length < FIXED_BYTES) throw invalid('it is shorter than a header');
  const first = datagram[0] as number;
  const second = datagram[1] as number;
  if (first >> 6 !== 2) throw invalid(`version ${first >> 6}`);
  let at = FIXED_BYTES + 4 * (first & 0x0f);
  let extensionAt: number | undefined;
  if ((first & 0x10) !== 0) {
    if (at + 4 > length) throw invalid('it ends inside of its header');
    if (datagram.readUInt16BE(at) === ONE_BYTE_HEADS) extensionAt = at + 4;
    at += 4 + 4 * datagram.readUInt16BE(at + 2);
  }
  if (at > length) throw invalid('it ends inside of its header');
  let end = length;
  if ((first & 0x20) !== 0) {
    const padding = datagram[length - 1] as number;
    if (padding === 0 || padding > length - at) throw invalid('more padding than payload');
    end -= padding;
  }
  return {
    payloadType: second & 0x7f,
    marker: second >= 0x80,
    sequence: datagram.readUInt16BE(2),
    timestamp: datagram.readUInt32BE(4),
    ssrc: datagram.readUInt32BE(8),
    ...(extensionAt !== undefined && { extension: datagram.subarray(extensionAt, at) }),
    payload: datagram.subarray(at, end),
    datagramBytes: length,
  };
}

/** The data of the element with this id, 1 to 14, of `RtpPacket.extension`; undefined: it has none. */
export function extensionElement(extension: Buffer, id: number): Buffer | undefined {
  for (let at = 0; at < extension.length; ) {
    const head = extension[at] as number;
    if (head >> 4 === 15) return undefined;
    const begin = at + 1;
    // A head of 0 is padding.
    at = head === 0 ? begin : begin + (head & 0x0f) + 1;
    if (head !== 0 && head >> 4 === id && at <= extension.length) {
      return extension.subarray(begin, at);
    }
  }
  return undefined;
}

function invalid(detail: string): UploadResponseError {
  return new UploadResponseError('RTP_INVALID', detail);
}
