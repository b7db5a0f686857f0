import {
  FeedbackFormat,
  REMB_HEAD_BYTES,
  REMB_IDENTIFIER,
  type ReportBlock,
  RtcpType,
} from './rtcp.js';

/** Reports that the 5 bits of a header can count. */
export const MAX_REPORTS = 31;
/** The bytes of an item's length field. */
const MAX_CNAME_BYTES = 255;

/** A header for `body`, whose length is a multiple of 4. `count` is what the 5 bits say. */
function packet(type: number, count: number, body: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + body.length);
  bytes[0] = 0x80 | count;
  bytes[1] = type;
  bytes.writeUInt16BE(body.length / 4, 2);
  body.copy(bytes, 4);
  return bytes;
}

/** At most `MAX_REPORTS` blocks. */
export function writeReceiverReport(ssrc: number, reports: readonly ReportBlock[]): Buffer {
  const body = Buffer.alloc(4 + 24 * reports.length);
  body.writeUInt32BE(ssrc, 0);
  writeBlocks(body, 4, reports);
  return packet(RtcpType.receiverReport, reports.length, body);
}

export interface SenderInfo {
  /** Milliseconds since 1900. */
  readonly ntpMs: number;
  readonly rtpTimestamp: number;
  readonly packets: number;
  readonly octets: number;
}

export function writeSenderReport(
  ssrc: number,
  { ntpMs, rtpTimestamp, packets, octets }: SenderInfo,
  reports: readonly ReportBlock[] = [],
): Buffer {
  const body = Buffer.alloc(24 + 24 * reports.length);
  const seconds = Math.floor(ntpMs / 1000);
  body.writeUInt32BE(ssrc, 0);
  body.writeUInt32BE(seconds >>> 0, 4);
  body.writeUInt32BE(Math.floor(((ntpMs - seconds * 1000) / 1000) * 2 ** 32), 8);
  body.writeUInt32BE(rtpTimestamp, 12);
  body.writeUInt32BE(packets >>> 0, 16);
  body.writeUInt32BE(octets >>> 0, 20);
  writeBlocks(body, 24, reports);
  return packet(RtcpType.senderReport, reports.length, body);
}

function writeBlocks(body: Buffer, from: number, reports: readonly ReportBlock[]): void {
  for (const [index, block] of reports.entries()) {
    const at = from + 24 * index;
    body.writeUInt32BE(block.ssrc, at);
    body.writeUInt8(block.fractionLost, at + 4);
    body.writeIntBE(block.cumulativeLost, at + 5, 3);
    body.writeUInt32BE(block.highestSequence, at + 8);
    body.writeUInt32BE(block.jitter, at + 12);
    body.writeUInt32BE(block.lastReport, at + 16);
    body.writeUInt32BE(block.delay, at + 20);
  }
}

/** The one item that each compound packet must have: a name that stays the same (RFC 3550 section 6.5.1). */
export function writeCname(ssrc: number, cname: string): Buffer {
  const name = Buffer.from(cname).subarray(0, MAX_CNAME_BYTES);
  // The list of items ends with at least one byte of 0.
  const body = Buffer.alloc(4 + Math.ceil((2 + name.length + 1) / 4) * 4);
  body.writeUInt32BE(ssrc, 0);
  body[4] = 1;
  body[5] = name.length;
  name.copy(body, 6);
  return packet(RtcpType.sourceDescription, 1, body);
}

/**
 * Asks for packets again. `sequences` are extended or 16-bit numbers, ascending; every 17 that lie
 * together take 4 bytes.
 */
export function writeNack(ssrc: number, mediaSsrc: number, sequences: readonly number[]): Buffer {
  const fields: { first: number; following: number }[] = [];
  for (const sequence of sequences) {
    const last = fields.at(-1);
    const after = last === undefined ? 17 : (sequence - last.first) & 0xffff;
    if (last && after >= 1 && after <= 16) last.following |= 1 << (after - 1);
    else if (after !== 0) fields.push({ first: sequence & 0xffff, following: 0 });
  }
  const body = Buffer.alloc(8 + 4 * fields.length);
  body.writeUInt32BE(ssrc, 0);
  body.writeUInt32BE(mediaSsrc, 4);
  for (const [index, { first, following }] of fields.entries()) {
    body.writeUInt16BE(first, 8 + 4 * index);
    body.writeUInt16BE(following, 10 + 4 * index);
  }
  return packet(RtcpType.transportFeedback, FeedbackFormat.nack, body);
}

export function writePli(ssrc: number, mediaSsrc: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt32BE(ssrc, 0);
  body.writeUInt32BE(mediaSsrc, 4);
  return packet(RtcpType.payloadFeedback, FeedbackFormat.pli, body);
}

/** `sequence` (8 bits) grows with each new request. */
export function writeFir(ssrc: number, mediaSsrc: number, sequence: number): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt32BE(ssrc, 0);
  body.writeUInt32BE(mediaSsrc, 8);
  body[12] = sequence & 0xff;
  return packet(RtcpType.payloadFeedback, FeedbackFormat.fir, body);
}

/** The bits of a mantissa. */
const MANTISSA = 2 ** 18;

/**
 * What these sources may send together, at most 255 of them (draft-alvestrand-rmcat-remb-03 section 2.2):
 * 18 bits and an exponent, rounded down.
 */
export function writeRemb(ssrc: number, bitsPerSecond: number, ssrcs: readonly number[]): Buffer {
  let mantissa = Math.floor(bitsPerSecond);
  let exponent = 0;
  for (; mantissa >= MANTISSA; exponent++) mantissa = Math.floor(mantissa / 2);
  const body = Buffer.alloc(REMB_HEAD_BYTES + 4 * ssrcs.length);
  body.writeUInt32BE(ssrc, 0);
  body.write(REMB_IDENTIFIER, 8, 'latin1');
  body[12] = ssrcs.length;
  body.writeUIntBE(exponent * MANTISSA + mantissa, 13, 3);
  for (const [index, source] of ssrcs.entries()) {
    body.writeUInt32BE(source, REMB_HEAD_BYTES + 4 * index);
  }
  return packet(RtcpType.payloadFeedback, FeedbackFormat.application, body);
}

/** A source says good-bye. */
export function writeBye(ssrcs: readonly number[]): Buffer {
  const body = Buffer.alloc(4 * ssrcs.length);
  for (const [index, ssrc] of ssrcs.entries()) body.writeUInt32BE(ssrc, 4 * index);
  return packet(RtcpType.bye, ssrcs.length, body);
}
