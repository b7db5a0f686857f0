// RFC 9113 sections 6.1 to 6.4, 6.6 and 6.10: the frames of streams.

import { ErrorCode, Flag, FrameType, words } from '../../support/http2/frames.js';
import { block } from '../../support/http2/hpack.js';
import { requestFields } from '../../support/http2/raw-http2.js';
import { runCases } from './cases.js';

const { protocolError, frameSizeError } = ErrorCode;
const echo = block(requestFields('/upload/echo'));
const priority = Buffer.concat([words(0), Buffer.from([15])]);

/** `bytes` with padding. */
const padded = (bytes: Uint8Array | string, padding: number) =>
  Buffer.concat([
    Buffer.from([padding]),
    Buffer.from(bytes as string, 'latin1'),
    Buffer.alloc(padding),
  ]);

runCases({
  'RFC 9113 section 6.1, DATA': [
    {
      name: 'padding is taken off',
      async send(client) {
        client.open(1, '/upload/echo');
        client.frame(FrameType.data, Flag.padded, 1, padded('pad', 200));
        client.frame(FrameType.data, Flag.padded | Flag.endStream, 1, padded('ded', 0));
        const { body } = await client.answer(1);
        if (body.toString() !== 'padded') throw new Error(body.toString());
      },
      expected: 'serves',
    },
    {
      name: 'of stream 0',
      send: (client) => client.data(0, 'x'),
      expected: { goaway: protocolError },
    },
    {
      name: 'with padding as long as the frame',
      send(client) {
        client.open(1, '/upload/hash');
        client.frame(FrameType.data, Flag.padded, 1, Buffer.from([5, 0, 0, 0, 0]));
      },
      expected: { goaway: protocolError },
    },
    {
      name: 'with padding and nothing else',
      send(client) {
        client.open(1, '/upload/hash');
        client.frame(FrameType.data, Flag.padded, 1, '');
      },
      expected: { goaway: protocolError },
    },
  ],

  'RFC 9113 section 6.2, HEADERS': [
    {
      name: 'with padding and a priority',
      async send(client) {
        const flags = Flag.padded | Flag.priority | Flag.endHeaders | Flag.endStream;
        const payload = padded(Buffer.concat([priority, echo]), 7);
        client.frame(FrameType.headers, flags, 1, payload);
        await client.answer(1);
      },
      expected: 'serves',
    },
    {
      name: 'of stream 0',
      send: (client) => client.frame(FrameType.headers, Flag.endHeaders, 0, echo),
      expected: { goaway: protocolError },
    },
    {
      name: 'with padding longer than the frame',
      send(client) {
        const flags = Flag.padded | Flag.endHeaders;
        client.frame(FrameType.headers, flags, 1, Buffer.concat([Buffer.from([255]), echo]));
      },
      expected: { goaway: protocolError },
    },
    {
      name: 'too short for its priority',
      send: (client) =>
        client.frame(FrameType.headers, Flag.priority | Flag.endHeaders, 1, Buffer.alloc(3)),
      expected: { goaway: frameSizeError },
    },
  ],

  'RFC 9113 section 6.3, PRIORITY': [
    {
      name: 'of stream 0',
      send: (client) => client.frame(FrameType.priority, 0, 0, priority),
      expected: { goaway: protocolError },
    },
    {
      name: 'of another length than 5',
      send(client) {
        client.open(1, '/upload/hash');
        client.frame(FrameType.priority, 0, 1, words(0));
      },
      expected: { goaway: frameSizeError },
    },
  ],

  'RFC 9113 section 6.4, RST_STREAM': [
    {
      name: 'of stream 0',
      send: (client) => client.frame(FrameType.rstStream, 0, 0, words(ErrorCode.cancel)),
      expected: { goaway: protocolError },
    },
    {
      name: 'of another length than 4',
      send(client) {
        client.open(1, '/upload/hash');
        client.frame(FrameType.rstStream, 0, 1, Buffer.alloc(3));
      },
      expected: { goaway: frameSizeError },
    },
    {
      name: 'with an unknown code (section 7)',
      send(client) {
        client.open(1, '/upload/hash');
        client.frame(FrameType.rstStream, 0, 1, words(0xff));
      },
      expected: 'serves',
    },
  ],

  'RFC 9113 section 6.6, PUSH_PROMISE': [
    {
      name: 'of a client',
      send(client) {
        client.open(1, '/upload/hash');
        const payload = Buffer.concat([words(2), echo]);
        client.frame(FrameType.pushPromise, Flag.endHeaders, 1, payload);
      },
      expected: { goaway: protocolError },
    },
  ],

  'RFC 9113 section 6.10, CONTINUATION': [
    {
      name: 'a block in pieces',
      async send(client) {
        client.frame(FrameType.headers, Flag.endStream, 1, echo.subarray(0, 3));
        client.frame(FrameType.continuation, 0, 1, echo.subarray(3, 20));
        client.frame(FrameType.continuation, 0, 1, '');
        client.frame(FrameType.continuation, Flag.endHeaders, 1, echo.subarray(20));
        await client.answer(1);
      },
      expected: 'serves',
    },
    {
      name: 'followed by another frame',
      send(client) {
        client.frame(FrameType.headers, 0, 1, echo.subarray(0, 3));
        client.frame(FrameType.continuation, 0, 1, echo.subarray(3));
        client.data(1, 'x');
      },
      expected: { goaway: protocolError },
    },
    {
      name: 'of stream 0',
      send(client) {
        client.frame(FrameType.headers, 0, 1, echo.subarray(0, 3));
        client.frame(FrameType.continuation, Flag.endHeaders, 0, echo.subarray(3));
      },
      expected: { goaway: protocolError },
    },
    {
      name: 'after the end of a block',
      send(client) {
        client.open(1, '/upload/hash');
        client.frame(FrameType.continuation, Flag.endHeaders, 1, echo);
      },
      expected: { goaway: protocolError },
    },
    {
      name: 'after a CONTINUATION that ended the block',
      send(client) {
        client.frame(FrameType.headers, 0, 1, echo.subarray(0, 3));
        client.frame(FrameType.continuation, Flag.endHeaders, 1, echo.subarray(3));
        client.frame(FrameType.continuation, Flag.endHeaders, 1, echo);
      },
      expected: { goaway: protocolError },
    },
    {
      name: 'after DATA',
      send(client) {
        client.open(1, '/upload/hash');
        client.data(1, 'x');
        client.frame(FrameType.continuation, Flag.endHeaders, 1, echo);
      },
      expected: { goaway: protocolError },
    },
  ],
});
