/** A field as a test writes it. */
export type Field = readonly [name: string, value: string];

/** An integer with a prefix of `bits` (RFC 7541 section 5.1); `first`: the bits before it. */
export function integer(value: number, bits: number, first = 0): Buffer {
  const max = 2 ** bits - 1;
  if (value < max) return Buffer.from([first | value]);
  const bytes = [first | max];
  let rest = value - max;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** A string without Huffman coding (RFC 7541 section 5.2). */
export function text(value: string): Buffer {
  return Buffer.concat([integer(value.length, 7), Buffer.from(value, 'latin1')]);
}

/** A literal field without indexing and with its name (RFC 7541 section 6.2.2). */
export function literal([name, value]: Field): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

/** A header block of literals. */
export function block(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.map(literal));
}

/** Entries 8 to 14 of the static table (RFC 7541 appendix A). */
const STATIC_STATUS = [200, 204, 206, 304, 400, 404, 500];

/**
 * The status of a response's header block: its first field, by RFC 9113 section 8.3. Reads what encoders
 * write while the client allows no dynamic table: an entry of the static table, or a literal whose name
 * is one.
 */
export function statusOf(bytes: Buffer): number {
  let at = 0;
  // Changes of the dynamic table's size.
  while (((bytes[at] ?? 0) & 0xe0) === 0x20) at++;
  const first = bytes[at] ?? 0;
  if (first & 0x80) return STATIC_STATUS[(first & 0x7f) - 8] ?? 0;
  const length = bytes[at + 1] ?? 0;
  const value = bytes.subarray(at + 2, at + 2 + (length & 0x7f));
  return Number(length & 0x80 ? huffmanDigits(value) : value.toString('latin1'));
}

/** Digits of RFC 7541 appendix B: 0 to 2 have five bits, 3 to 9 have six. */
function huffmanDigits(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let digits = '';
  for (let at = 0; at + 5 <= bits.length; ) {
    const five = Number.parseInt(bits.slice(at, at + 5), 2);
    if (five <= 2) {
      digits += five;
      at += 5;
      continue;
    }
    const six = Number.parseInt(bits.slice(at, at + 6), 2);
    if (at + 6 > bits.length || six < 0x19 || six > 0x1f) break;
    digits += six - 0x19 + 3;
    at += 6;
  }
  return digits;
}
