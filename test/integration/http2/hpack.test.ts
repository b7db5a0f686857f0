// RFC 7541: what the server reads of header blocks.

import assert from 'node:assert/strict';
import { ErrorCode, Flag, FrameType } from '../../support/http2/frames.js';
import { block, integer, literal, text } from '../../support/http2/hpack.js';
import { type RawHttp2, requestFields } from '../../support/http2/raw-http2.js';
import { type Case, runCases } from './cases.js';

const { compressionError } = ErrorCode;
const request = block(requestFields('/upload/head'));

/** Bits before an integer, by the kind of a field (RFC 7541 section 6). */
const Bits = { indexed: 0x80, incremental: 0x40, sizeUpdate: 0x20, never: 0x10 } as const;

/** A literal with incremental indexing and with its name. */
const indexing = (name: string, value: string) =>
  Buffer.concat([Buffer.from([Bits.incremental]), text(name), text(value)]);

/** A Huffman-coded string of these bytes. */
const huffman = (...bytes: readonly number[]) =>
  Buffer.concat([integer(bytes.length, 7, 0x80), Buffer.from(bytes)]);

const send = (client: RawHttp2, stream: number, bytes: Uint8Array) =>
  client.frame(FrameType.headers, Flag.endHeaders | Flag.endStream, stream, bytes);

/** The fields that the worker saw of a stream's request. */
async function seen(client: RawHttp2, stream: number): Promise<Map<string, string>> {
  const { status, body } = await client.answer(stream);
  assert.equal(status, 200, body.toString());
  return new Map(JSON.parse(body.toString()) as [string, string][]);
}

/** A block that the server must refuse. */
const refused = (name: string, ...parts: readonly Uint8Array[]): Case => ({
  name,
  send: (client) => send(client, 1, Buffer.concat(parts)),
  expected: { goaway: compressionError },
});

/** A request whose last field is `field`; the worker must see `x: value`. */
const read = (name: string, field: Uint8Array, value: string): Case => ({
  name,
  async send(client) {
    send(client, 1, Buffer.concat([request, field]));
    assert.equal((await seen(client, 1)).get('x'), value);
  },
  expected: 'serves',
});

runCases({
  'RFC 7541 section 6, fields': [
    {
      name: 'entries of the static table',
      async send(client) {
        const bytes = Buffer.concat([
          integer(3, 7, Bits.indexed),
          integer(6, 7, Bits.indexed),
          Buffer.concat([integer(4, 4), text('/upload/head')]),
          Buffer.concat([integer(1, 4), text('localhost')]),
          Buffer.concat([integer(58, 4), text('a test')]),
        ]);
        send(client, 1, bytes);
        assert.equal((await seen(client, 1)).get('user-agent'), 'a test');
      },
      expected: 'serves',
    },
    {
      name: 'entries of the dynamic table, and what remains of it in the next request',
      async send(client) {
        const bytes = [request, indexing('x', 'first'), integer(62, 7, Bits.indexed)];
        send(client, 1, Buffer.concat(bytes));
        assert.equal((await seen(client, 1)).get('x'), 'first');
        send(client, 3, Buffer.concat([request, integer(62, 7, Bits.indexed)]));
        assert.equal((await seen(client, 3)).get('x'), 'first');
      },
      expected: 'serves',
    },
    {
      name: 'a new size of the dynamic table empties it',
      async send(client) {
        send(client, 1, Buffer.concat([request, indexing('x', 'gone')]));
        await client.answer(1);
        const size = (bytes: number) => integer(bytes, 5, Bits.sizeUpdate);
        send(client, 3, Buffer.concat([size(0), size(4096), request]));
        assert.equal((await seen(client, 3)).get('x'), undefined);
        send(client, 5, Buffer.concat([request, integer(62, 7, Bits.indexed)]));
      },
      expected: { goaway: compressionError },
    },
    read('a literal without indexing', literal(['x', 'plain']), 'plain'),
    read(
      'a literal that must never be indexed',
      Buffer.concat([Buffer.from([Bits.never]), text('x'), text('secret')]),
      'secret',
    ),
    read(
      'a Huffman-coded value',
      Buffer.concat([
        Buffer.from([0]),
        text('x'),
        huffman(0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f),
      ]),
      'custom-key',
    ),
    refused('index 0', request, integer(0, 7, Bits.indexed)),
    refused('an index beyond both tables', request, integer(70, 7, Bits.indexed)),
    refused('a name beyond both tables', request, integer(70, 6, Bits.incremental), text('x')),
  ],

  'RFC 7541 sections 4.2 and 6.3, sizes of the table': [
    refused('a new size at the end of a block', request, integer(1, 5, Bits.sizeUpdate)),
    refused('a size above the announced one', integer(4097, 5, Bits.sizeUpdate), request),
  ],

  'RFC 7541 section 5, integers and strings': [
    refused(
      'an integer beyond 32 bits',
      request,
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
    ),
    refused('a string beyond the block', request, Buffer.from([0, 1, 0x78, 0x7f, 0x79])),
    // 'a' is 00011: three bits of padding are ones.
    refused(
      'Huffman padding of more than seven bits',
      request,
      Buffer.concat([Buffer.from([0]), text('x'), huffman(0x1f, 0xff)]),
    ),
    refused(
      'Huffman padding of zeros',
      request,
      Buffer.concat([Buffer.from([0]), text('x'), huffman(0x18)]),
    ),
    refused(
      'the end of string within a Huffman-coded string',
      request,
      Buffer.concat([Buffer.from([0]), text('x'), huffman(0x1f, 0xff, 0xff, 0xff, 0xff)]),
    ),
  ],
});
