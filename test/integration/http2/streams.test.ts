// RFC 9113 section 5: states of streams, their identifiers, how many there may be, priorities.

import { ErrorCode, Flag, FrameType, settings, words } from '../../support/http2/frames.js';
import { block } from '../../support/http2/hpack.js';
import { type RawHttp2, requestFields } from '../../support/http2/raw-http2.js';
import { runCases } from './cases.js';

const { protocolError, streamClosed } = ErrorCode;
const echo = block(requestFields('/upload/echo'));

/** PRIORITY's payload: the stream that it depends on, and a weight. */
const dependsOn = (stream: number, weight = 15) =>
  Buffer.concat([words(stream), Buffer.from([weight])]);

/** Ends the request of stream 1 on the client's side; it stays open on the server's. */
function halfClose(client: RawHttp2): void {
  client.open(1, '/upload/silent', true);
}

/** Resets stream 1, and waits until the server has seen it. */
async function reset(client: RawHttp2): Promise<void> {
  client.open(1, '/upload/silent');
  client.frame(FrameType.rstStream, 0, 1, words(ErrorCode.cancel));
  await client.isAlive();
}

/** Both sides of stream 1 have ended. */
async function finish(client: RawHttp2): Promise<void> {
  client.open(1, '/upload/hash', true);
  await client.answer(1);
}

runCases({
  'RFC 9113 section 5.1, idle streams': [
    {
      name: 'DATA',
      send: (client) => client.data(1, 'early'),
      expected: { goaway: protocolError },
    },
    {
      name: 'RST_STREAM',
      send: (client) => client.frame(FrameType.rstStream, 0, 1, words(ErrorCode.cancel)),
      expected: { goaway: protocolError },
    },
    {
      name: 'WINDOW_UPDATE',
      send: (client) => client.frame(FrameType.windowUpdate, 0, 1, words(100)),
      expected: { goaway: protocolError },
    },
    {
      name: 'CONTINUATION',
      send: (client) => client.frame(FrameType.continuation, Flag.endHeaders, 1, echo),
      expected: { goaway: protocolError },
    },
    {
      name: 'PRIORITY is allowed',
      send: (client) => client.frame(FrameType.priority, 0, 1, dependsOn(0)),
      expected: 'serves',
    },
  ],

  'RFC 9113 section 5.1, half-closed streams': [
    {
      name: 'DATA',
      send(client) {
        halfClose(client);
        client.data(1, 'late');
      },
      expected: { goaway: streamClosed },
    },
    {
      name: 'HEADERS',
      send(client) {
        halfClose(client);
        client.open(1, '/upload/echo', true);
      },
      expected: { goaway: streamClosed },
    },
    {
      name: 'CONTINUATION',
      send(client) {
        halfClose(client);
        client.frame(FrameType.continuation, Flag.endHeaders, 1, echo);
      },
      expected: { goaway: protocolError },
    },
    {
      name: 'WINDOW_UPDATE and PRIORITY are allowed',
      send(client) {
        halfClose(client);
        client.frame(FrameType.windowUpdate, 0, 1, words(100));
        client.frame(FrameType.priority, 0, 1, dependsOn(0));
      },
      expected: 'serves',
    },
    {
      name: 'RST_STREAM is allowed',
      send(client) {
        halfClose(client);
        client.frame(FrameType.rstStream, 0, 1, words(ErrorCode.cancel));
      },
      expected: 'serves',
    },
  ],

  // What was under way when the peer reset the stream must be ignored for a while: nghttp2 always does.
  'RFC 9113 section 5.1, closed streams': [
    {
      name: 'DATA after RST_STREAM is ignored',
      async send(client) {
        await reset(client);
        client.data(1, 'late');
      },
      expected: 'serves',
    },
    {
      name: 'HEADERS after RST_STREAM is ignored',
      async send(client) {
        await reset(client);
        client.open(1, '/upload/echo', true);
      },
      expected: 'serves',
    },
    {
      name: 'CONTINUATION after RST_STREAM',
      async send(client) {
        await reset(client);
        client.frame(FrameType.continuation, Flag.endHeaders, 1, echo);
      },
      expected: { goaway: protocolError },
    },
    {
      name: 'DATA after both ends is ignored',
      async send(client) {
        await finish(client);
        client.data(1, 'late');
      },
      expected: 'serves',
    },
    {
      name: 'HEADERS after both ends is ignored',
      async send(client) {
        await finish(client);
        client.open(1, '/upload/echo', true);
      },
      expected: 'serves',
    },
    {
      name: 'CONTINUATION after both ends',
      async send(client) {
        await finish(client);
        client.frame(FrameType.continuation, Flag.endHeaders, 1, echo);
      },
      expected: { goaway: protocolError },
    },
    {
      name: 'WINDOW_UPDATE, RST_STREAM and PRIORITY after both ends are ignored',
      async send(client) {
        await finish(client);
        client.frame(FrameType.windowUpdate, 0, 1, words(100));
        client.frame(FrameType.rstStream, 0, 1, words(ErrorCode.cancel));
        client.frame(FrameType.priority, 0, 1, dependsOn(0));
      },
      expected: 'serves',
    },
  ],

  'RFC 9113 section 5.1.1, identifiers': [
    {
      name: 'an even one',
      send: (client) => client.open(2, '/upload/echo', true),
      expected: { goaway: protocolError },
    },
    {
      // nghttp2 does not know it from a closed one.
      name: 'one below those that were used is ignored',
      async send(client) {
        client.open(5, '/upload/hash', true);
        await client.answer(5);
        client.open(3, '/upload/hash', true);
      },
      expected: 'serves',
    },
    {
      name: 'identifiers may be left out',
      async send(client) {
        client.open(51, '/upload/hash', true);
        await client.answer(51);
      },
      expected: 'serves',
    },
  ],

  'RFC 9113 section 5.3, priorities': [
    {
      name: 'the weights of HEADERS and PRIORITY are ignored',
      async send(client) {
        client.frame(FrameType.priority, 0, 1, dependsOn(0, 0));
        client.frame(FrameType.priority, 0, 3, dependsOn(0x80000001, 255));
        const flags = Flag.priority | Flag.endHeaders | Flag.endStream;
        client.frame(FrameType.headers, flags, 1, Buffer.concat([dependsOn(0), echo]));
        await client.answer(1);
      },
      expected: 'serves',
    },
  ],

  'RFC 9113 section 5.4, errors': [
    {
      name: 'after a connection error the connection ends',
      send: (client) => client.frame(FrameType.ping, 0, 3, Buffer.alloc(8)),
      expected: { goaway: protocolError },
    },
    {
      name: 'after a stream error the connection goes on',
      send: (client) => client.open(1, '/upload/echo', true, [['Upper', 'case']]),
      expected: { reset: protocolError },
    },
  ],

  'RFC 9113 section 5.5, extensions': [
    {
      name: 'unknown frames between those of a request are ignored',
      async send(client) {
        client.open(1, '/upload/echo');
        client.frame(0x16, 0xff, 1, 'unknown');
        client.data(1, 'x', true);
        await client.answer(1);
      },
      expected: 'serves',
    },
    {
      name: 'unknown settings are acknowledged',
      async send(client) {
        client.frame(FrameType.settings, 0, 0, settings([0xff, 1], [0x77, 0xffffffff]));
        await client.isAlive();
      },
      expected: 'serves',
    },
  ],
});
