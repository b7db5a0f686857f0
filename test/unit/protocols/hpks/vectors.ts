import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DecodeLimits, Frame, Head, Message } from '../../../../src/protocols/hpks/index.js';

/** A block of test/fixtures/hpks-vectors.txt, which describes itself. */
export interface Vector {
  name: string;
  format: 'hpks' | 'hpk1';
  bytes: Uint8Array;
  limits: DecodeLimits;
  encodesOtherwise: boolean;
  expected: string[];
}

/** Which bytes a field may hold. */
export interface ByteRule {
  field: string;
  code: string;
  /** The frame with `byte` in the field. */
  frameWith(byte: number): Uint8Array;
  allowed: Set<number>;
}

function fixture(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'test/fixtures/hpks-vectors.txt'))) folder = dirname(folder);
  return readFileSync(join(folder, 'test/fixtures/hpks-vectors.txt'), 'utf8');
}

function bytesOf(tokens: string): Uint8Array {
  const parts = tokens.split(' ').map((token) => {
    const [hex = '', times = '1'] = token.split('*');
    return Buffer.from(hex.repeat(Number(times)), 'hex');
  });
  return new Uint8Array(Buffer.concat(parts));
}

function vectorOf(name: string): Vector {
  const bytes = new Uint8Array(0);
  return { name, format: 'hpks', bytes, limits: {}, encodesOtherwise: false, expected: [] };
}

function byteRuleOf(text: string): ByteRule {
  const [frame = '', ranges = ''] = text.split(' : ');
  const [field = '', code = '', ...hex] = frame.split(' ');
  const allowed = new Set<number>();
  for (const range of ranges.split(' ')) {
    const [first = '', last = first] = range.split('-');
    for (let byte = parseInt(first, 16); byte <= parseInt(last, 16); byte++) allowed.add(byte);
  }
  const frameWith = (byte: number) =>
    bytesOf(hex.join(' ').replace('??', byte.toString(16).padStart(2, '0')));
  return { field, code, frameWith, allowed };
}

export function readVectors(): { vectors: Vector[]; byteRules: ByteRule[] } {
  const vectors: Vector[] = [];
  const byteRules: ByteRule[] = [];
  for (const line of fixture().split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [key = ''] = line.split(' ', 1);
    const rest = line.slice(key.length + 1);
    if (key === 'vector') vectors.push(vectorOf(rest));
    else if (key === 'bytes') byteRules.push(byteRuleOf(rest));
    else {
      const vector = vectors.at(-1);
      if (!vector) throw new Error(`no vector before: ${line}`);
      addLine(vector, key, rest);
    }
  }
  return { vectors, byteRules };
}

function addLine(vector: Vector, key: string, rest: string): void {
  if (key === '=') vector.expected.push(rest);
  else if (key === 'encodes-otherwise') vector.encodesOtherwise = true;
  else if (key === 'limits') {
    const [maxFieldBytes = 0, maxFrameBytes = 0] = rest.split(' ').map(Number);
    vector.limits = { maxFieldBytes, maxFrameBytes };
  } else if (key === 'hpks' || key === 'hpk1') {
    vector.format = key;
    vector.bytes = new Uint8Array(Buffer.concat([vector.bytes, bytesOf(rest)]));
  } else throw new Error(`unknown line: ${key} ${rest}`);
}

function quoted(text: string): string {
  const escaped = text.replace(
    /[^\x20-\x7e]|["\\]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `"${escaped}"`;
}

function renderHead(head: Head): string[] {
  const headers = head.headers.map(([name, value]) => `header ${quoted(name)} ${quoted(value)}`);
  if (head.kind === 'response') {
    return [`response version ${head.version} status ${head.status}`, ...headers];
  }
  const { version, method, scheme = '', authority = '', path } = head;
  const request =
    `request version ${version} method ${quoted(method)} scheme ${quoted(scheme)} ` +
    `authority ${quoted(authority)} path ${quoted(path)}`;
  return [request, ...headers];
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** A frame in the words of the fixture. */
export function renderFrame(frame: Frame): string[] {
  const first = `frame ${frame.type} stream ${frame.streamId}`;
  if (frame.type === 'headers') return [first, ...renderHead(frame.head)];
  if (frame.type === 'body') return [`${first} data ${hexOf(frame.data)}`.trimEnd()];
  return [first];
}

/** A message in the words of the fixture. */
export function renderMessage({ head, body }: Message): string[] {
  return ['message', ...renderHead(head), `body ${hexOf(body)}`.trimEnd()];
}
