// RFC 9113 sections 3.4 and 4: the preface, frames in general, header blocks.

import { ErrorCode, Flag, FrameType, frame, PREFACE, words } from '../../support/http2/frames.js';
import { block, literal } from '../../support/http2/hpack.js';
import { requestFields } from '../../support/http2/raw-http2.js';
import { runCases } from './cases.js';

const { protocolError, frameSizeError, compressionError } = ErrorCode;
const echo = block(requestFields('/upload/echo'));
const PRIORITY = Buffer.concat([words(0), Buffer.from([15])]);
const EXTENSION = 0x16;

runCases({
  'RFC 9113 section 3.4, the preface': [
    {
      name: 'a preface and SETTINGS are answered',
      options: { bare: true },
      send: (client) => client.send(PREFACE, frame(FrameType.settings, 0, 0)),
      expected: 'serves',
    },
    {
      name: 'the preface may come in pieces',
      options: { bare: true },
      async send(client) {
        client.send(PREFACE.subarray(0, 7));
        await client.sees(({ type }) => type === FrameType.settings, 'SETTINGS');
        client.send(PREFACE.subarray(7), frame(FrameType.settings, 0, 0));
      },
      expected: 'serves',
    },
    {
      name: 'another preface',
      options: { bare: true },
      send: (client) => client.send(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r')),
      expected: { goaway: protocolError },
    },
    {
      name: 'a request of HTTP/1.1',
      options: { bare: true },
      send: (client) => client.send(Buffer.from('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')),
      expected: { goaway: protocolError },
    },
    {
      name: 'a preface without SETTINGS',
      options: { bare: true },
      send: (client) => client.send(PREFACE, frame(FrameType.ping, 0, 0, Buffer.alloc(8))),
      expected: { goaway: protocolError },
    },
  ],

  'RFC 9113 section 4.1, frames': [
    {
      name: 'a frame of an unknown type is ignored',
      send: (client) => client.frame(EXTENSION, 0, 0, 'unknown'),
      expected: 'serves',
    },
    {
      name: 'flags that mean nothing are ignored',
      async send(client) {
        client.frame(FrameType.ping, 0xfe & ~Flag.ack, 0, Buffer.alloc(8));
        await client.sees(({ type }) => type === FrameType.ping, 'the answer to a PING');
      },
      expected: 'serves',
    },
    {
      name: 'the reserved bit is ignored',
      async send(client) {
        client.frame(FrameType.ping, 0, 0x80000000, Buffer.alloc(8));
        await client.sees(({ type }) => type === FrameType.ping, 'the answer to a PING');
      },
      expected: 'serves',
    },
  ],

  'RFC 9113 section 4.2, sizes': [
    {
      name: 'DATA of the smallest limit, 2^14 bytes',
      send(client) {
        client.open(1, '/upload/hash');
        client.data(1, Buffer.alloc(2 ** 14), true);
      },
      expected: 'serves',
    },
    {
      name: 'DATA of the limit that the server has announced',
      send(client) {
        client.open(1, '/upload/hash');
        client.data(1, Buffer.alloc(2 ** 16), true);
      },
      expected: 'serves',
    },
    {
      name: 'DATA above it',
      send(client) {
        client.open(1, '/upload/hash');
        client.data(1, Buffer.alloc(2 ** 16 + 1));
      },
      expected: { goaway: frameSizeError },
    },
    {
      name: 'HEADERS above it',
      send: (client) =>
        client.frame(FrameType.headers, Flag.endHeaders, 1, Buffer.alloc(2 ** 16 + 1)),
      expected: { goaway: frameSizeError },
    },
  ],

  'RFC 9113 section 4.3, header blocks': [
    {
      name: 'a block that is cut within a field',
      send: (client) =>
        client.frame(FrameType.headers, Flag.endHeaders, 1, literal(['x', 'y']).subarray(0, 4)),
      expected: { goaway: compressionError },
    },
    {
      name: 'PRIORITY within a block',
      send(client) {
        client.frame(FrameType.headers, 0, 1, echo);
        client.frame(FrameType.priority, 0, 1, PRIORITY);
      },
      expected: { goaway: protocolError },
    },
    {
      name: 'HEADERS of another stream within a block',
      send(client) {
        client.frame(FrameType.headers, 0, 1, echo);
        client.open(3, '/upload/echo');
      },
      expected: { goaway: protocolError },
    },
    {
      name: 'a frame of an unknown type within a block (section 5.5)',
      send(client) {
        client.frame(FrameType.headers, 0, 1, echo);
        client.frame(EXTENSION, 0, 0, 'unknown');
      },
      expected: { goaway: protocolError },
    },
  ],
});
