/** Feedback of draft-holmer-rmcat-transport-wide-cc-extensions-01, as its sender reads it. */
export interface ToldArrivals {
  readonly base: number;
  readonly count: number;
  /** In 1/4 ms; undefined: it did not come. */
  readonly arrivals: readonly (number | undefined)[];
}

const TICKS_OF_REFERENCE = 256;

/** Those of a compound packet, whose lengths were checked before. */
export function readTransportFeedback(datagram: Buffer): ToldArrivals[] {
  const told: ToldArrivals[] = [];
  for (let at = 0; at < datagram.length; ) {
    const end = at + 4 + 4 * datagram.readUInt16BE(at + 2);
    if (datagram[at + 1] === 205 && ((datagram[at] as number) & 0x1f) === 15) {
      told.push(readOne(datagram.subarray(at + 12, end)));
    }
    at = end;
  }
  return told;
}

function readOne(body: Buffer): ToldArrivals {
  const length = body.readUInt16BE(2);
  const symbols: number[] = [];
  let at = 8;
  for (; symbols.length < length; at += 2) symbols.push(...statuses(body.readUInt16BE(at)));
  if (symbols.slice(length).some((one) => one !== 0)) throw new Error('statuses of no packet');
  let ticks = body.readIntBE(4, 3) * TICKS_OF_REFERENCE;
  const arrivals = symbols.slice(0, length).map((symbol) => {
    if (symbol === 0) return undefined;
    if (symbol === 3) throw new Error('a reserved status');
    ticks += symbol === 1 ? body.readUInt8(at) : body.readInt16BE(at);
    at += symbol;
    return ticks;
  });
  const padding = body.subarray(at);
  if (padding.length > 3 || padding.some((byte) => byte !== 0)) throw new Error('bytes are left');
  return { base: body.readUInt16BE(0), count: body.readUInt8(7), arrivals };
}

function statuses(chunk: number): number[] {
  if ((chunk & 0x8000) === 0) return Array<number>(chunk & 0x1fff).fill((chunk >> 13) & 3);
  const bits = (chunk & 0x4000) === 0 ? 1 : 2;
  const mask = bits === 1 ? 1 : 3;
  return Array.from({ length: 14 / bits }, (_, at) => (chunk >> (14 - bits * (at + 1))) & mask);
}
