import type { AmfObject, AmfValue } from './reader.js';

/** The values one after the other. Strings of more than 65,535 bytes, and longer keys, are not for it. */
export function writeAmf0(...values: readonly AmfValue[]): Buffer {
  const parts: Buffer[] = [];
  for (const value of values) write(value, parts);
  return Buffer.concat(parts);
}

function write(value: AmfValue, parts: Buffer[]): void {
  if (value === null) {
    parts.push(Buffer.from([5]));
  } else if (typeof value === 'number') {
    const bytes = Buffer.alloc(9);
    bytes.writeDoubleBE(value, 1);
    parts.push(bytes);
  } else if (typeof value === 'boolean') {
    parts.push(Buffer.from([1, value ? 1 : 0]));
  } else if (typeof value === 'string') {
    parts.push(Buffer.from([2]), text(value));
  } else if (Array.isArray(value)) {
    const head = Buffer.alloc(5);
    head[0] = 10;
    head.writeUInt32BE(value.length, 1);
    parts.push(head);
    for (const one of value) write(one, parts);
  } else {
    writeObject(value, parts);
  }
}

function writeObject(object: AmfObject, parts: Buffer[]): void {
  parts.push(Buffer.from([3]));
  for (const [key, value] of Object.entries(object)) {
    parts.push(text(key));
    write(value, parts);
  }
  parts.push(Buffer.from([0, 0, 9]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
