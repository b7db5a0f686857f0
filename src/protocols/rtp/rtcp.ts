import { UploadResponseError } from '../../errors/index.js';

/** What a source of packets was received like (RFC 3550 section 6.4.1). */
export interface ReportBlock {
  readonly ssrc: number;
  /** Since the last report, in 1/256. */
  readonly fractionLost: number;
  /** 24 bits, signed: below 0 when duplicates outnumber losses. */
  readonly cumulativeLost: number;
  readonly highestSequence: number;
  /** In units of the payload's clock. */
  readonly jitter: number;
  /** The middle 32 bits of the last sender report's NTP time; 0: none. */
  readonly lastReport: number;
  /** Since then, in 1/65536 s. */
  readonly delay: number;
}

export type RtcpPacket =
  | {
      readonly type: 'sender-report';
      readonly ssrc: number;
      /** Milliseconds since 1900, with fractions. */
      readonly ntpMs: number;
      /** The middle 32 bits of the NTP time: what `ReportBlock.lastReport` answers with. */
      readonly ntpMiddle: number;
      /** The payload's clock at the same time, 32 bits. */
      readonly rtpTimestamp: number;
      readonly packets: number;
      readonly octets: number;
      readonly reports: readonly ReportBlock[];
    }
  | {
      readonly type: 'receiver-report';
      readonly ssrc: number;
      readonly reports: readonly ReportBlock[];
    }
  | {
      readonly type: 'nack';
      readonly ssrc: number;
      readonly mediaSsrc: number;
      /** 16 bits each. */
      readonly sequences: readonly number[];
    }
  | { readonly type: 'pli'; readonly ssrc: number; readonly mediaSsrc: number }
  | {
      readonly type: 'fir';
      readonly ssrc: number;
      readonly requests: readonly { readonly ssrc: number; readonly sequence: number }[];
    }
  | {
      /** What the receiver estimates that may be sent (draft-alvestrand-rmcat-remb-03). */
      readonly type: 'remb';
      readonly ssrc: number;
      /** Of all of `ssrcs` together. */
      readonly bitsPerSecond: number;
      readonly ssrcs: readonly number[];
    }
  | { readonly type: 'bye'; readonly ssrcs: readonly number[] }
  /** SDES, APP, and everything that this list does not have. */
  | { readonly type: 'other'; readonly packetType: number };

/** Numbers of packet types (RFC 3550 section 12.1, RFC 4585 section 6.1). */
export const RtcpType = {
  senderReport: 200,
  receiverReport: 201,
  sourceDescription: 202,
  bye: 203,
  transportFeedback: 205,
  payloadFeedback: 206,
} as const;

/** Formats of feedback: RFC 4585 sections 6.2.1, 6.3.1 and 6.4, RFC 5104 section 4.3.1. */
export const FeedbackFormat = { nack: 1, pli: 1, fir: 4, application: 15 } as const;

/** What tells REMB from other feedback of applications. */
export const REMB_IDENTIFIER = 'REMB';
/** Sender, an unused source, identifier, count of sources and bit rate. */
export const REMB_HEAD_BYTES = 16;

const REPORT_BYTES = 24;
const SENDER_INFO_BYTES = 20;

/**
 * The packets of a compound packet, or of one with a reduced size (RFC 5506).
 * @throws UploadResponseError RTCP_INVALID: another version, or lengths that do not add up
 */
export function parseRtcp(datagram: Buffer): RtcpPacket[] {
  const packets: RtcpPacket[] = [];
  for (let at = 0; at < datagram.length; ) {
    if (at + 4 > datagram.length) throw invalid('it ends inside of a header');
    const first = datagram[at] as number;
    if (first >> 6 !== 2) throw invalid(`version ${first >> 6}`);
    const end = at + 4 + 4 * datagram.readUInt16BE(at + 2);
    if (end > datagram.length) throw invalid('a packet is longer than the datagram');
    let bodyEnd = end;
    if ((first & 0x20) !== 0) {
      const padding = datagram[end - 1] as number;
      if (end !== datagram.length || padding === 0 || padding % 4 !== 0 || padding > end - at - 4) {
        throw invalid('its padding is wrong');
      }
      bodyEnd -= padding;
    }
    const body = datagram.subarray(at + 4, bodyEnd);
    packets.push(parseOne(datagram[at + 1] as number, first & 0x1f, body));
    at = end;
  }
  if (packets.length === 0) throw invalid('it is empty');
  return packets;
}

/** `count`: the 5 bits of reports, sources or a format. */
function parseOne(packetType: number, count: number, body: Buffer): RtcpPacket {
  switch (packetType) {
    case RtcpType.senderReport:
      return senderReport(body, count);
    case RtcpType.receiverReport:
      need(body, 4 + count * REPORT_BYTES);
      return {
        type: 'receiver-report',
        ssrc: body.readUInt32BE(0),
        reports: reportBlocks(body, 4, count),
      };
    case RtcpType.bye: {
      need(body, 4 * count);
      const ssrcs = Array.from({ length: count }, (_, index) => body.readUInt32BE(4 * index));
      return { type: 'bye', ssrcs };
    }
    case RtcpType.transportFeedback:
      return count === FeedbackFormat.nack ? nack(body) : { type: 'other', packetType };
    case RtcpType.payloadFeedback:
      if (count === FeedbackFormat.pli) {
        need(body, 8);
        return { type: 'pli', ssrc: body.readUInt32BE(0), mediaSsrc: body.readUInt32BE(4) };
      }
      if (count === FeedbackFormat.application && isRemb(body)) return remb(body);
      return count === FeedbackFormat.fir ? fir(body) : { type: 'other', packetType };
    default:
      return { type: 'other', packetType };
  }
}

function senderReport(body: Buffer, count: number): RtcpPacket {
  need(body, 4 + SENDER_INFO_BYTES + count * REPORT_BYTES);
  const seconds = body.readUInt32BE(4);
  const fraction = body.readUInt32BE(8);
  return {
    type: 'sender-report',
    ssrc: body.readUInt32BE(0),
    ntpMs: seconds * 1000 + (fraction * 1000) / 2 ** 32,
    ntpMiddle: body.readUInt32BE(6),
    rtpTimestamp: body.readUInt32BE(12),
    packets: body.readUInt32BE(16),
    octets: body.readUInt32BE(20),
    reports: reportBlocks(body, 4 + SENDER_INFO_BYTES, count),
  };
}

function reportBlocks(body: Buffer, from: number, count: number): ReportBlock[] {
  return Array.from({ length: count }, (_, index) => {
    const at = from + index * REPORT_BYTES;
    return {
      ssrc: body.readUInt32BE(at),
      fractionLost: body.readUInt8(at + 4),
      cumulativeLost: body.readIntBE(at + 5, 3),
      highestSequence: body.readUInt32BE(at + 8),
      jitter: body.readUInt32BE(at + 12),
      lastReport: body.readUInt32BE(at + 16),
      delay: body.readUInt32BE(at + 20),
    };
  });
}

function nack(body: Buffer): RtcpPacket {
  need(body, 8);
  const sequences: number[] = [];
  for (let at = 8; at + 4 <= body.length; at += 4) {
    const first = body.readUInt16BE(at);
    const following = body.readUInt16BE(at + 2);
    sequences.push(first);
    for (let bit = 0; bit < 16; bit++) {
      if ((following >> bit) & 1) sequences.push((first + bit + 1) & 0xffff);
    }
  }
  return {
    type: 'nack',
    ssrc: body.readUInt32BE(0),
    mediaSsrc: body.readUInt32BE(4),
    sequences,
  };
}

function fir(body: Buffer): RtcpPacket {
  need(body, 8);
  const requests: { ssrc: number; sequence: number }[] = [];
  for (let at = 8; at + 8 <= body.length; at += 8) {
    requests.push({ ssrc: body.readUInt32BE(at), sequence: body.readUInt8(at + 4) });
  }
  return { type: 'fir', ssrc: body.readUInt32BE(0), requests };
}

const isRemb = (body: Buffer): boolean => body.toString('latin1', 8, 12) === REMB_IDENTIFIER;

function remb(body: Buffer): RtcpPacket {
  need(body, REMB_HEAD_BYTES);
  const count = body.readUInt8(12);
  need(body, REMB_HEAD_BYTES + 4 * count);
  const mantissa = body.readUIntBE(13, 3) & 0x3ffff;
  const exponent = body.readUInt8(13) >> 2;
  return {
    type: 'remb',
    ssrc: body.readUInt32BE(0),
    bitsPerSecond: mantissa * 2 ** exponent,
    ssrcs: Array.from({ length: count }, (_, at) => body.readUInt32BE(REMB_HEAD_BYTES + 4 * at)),
  };
}

function need(body: Buffer, bytes: number): void {
  if (body.length < bytes) throw invalid('a packet is shorter than its counts say');
}

function invalid(detail: string): UploadResponseError {
  return new UploadResponseError('RTCP_INVALID', detail);
}
