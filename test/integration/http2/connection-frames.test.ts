// RFC 9113 sections 6.5 and 6.7 to 6.9: SETTINGS, PING, GOAWAY, WINDOW_UPDATE.

import assert from 'node:assert/strict';
import {
  ErrorCode,
  Flag,
  FrameType,
  Setting,
  settings,
  words,
} from '../../support/http2/frames.js';
import type { RawHttp2 } from '../../support/http2/raw-http2.js';
import { runCases } from './cases.js';

const { protocolError, frameSizeError, flowControlError } = ErrorCode;
const MAX_WINDOW = 2 ** 31 - 1;

const set = (id: number, value: number) => (client: RawHttp2) =>
  client.frame(FrameType.settings, 0, 0, settings([id, value]));

const isData = ({ type }: { readonly type: number }) => type === FrameType.data;

/** Bytes of DATA that have come of stream 1. */
const received = (client: RawHttp2) => client.answerSoFar(1).body.length;

/** An upload whose answer is 5 bytes. */
function openFive(client: RawHttp2): void {
  client.open(1, '/upload/echo');
  client.data(1, 'five!', true);
}

runCases({
  'RFC 9113 section 6.5, SETTINGS': [
    {
      name: 'an acknowledgement with a payload',
      send: (client) =>
        client.frame(FrameType.settings, Flag.ack, 0, settings([Setting.enablePush, 0])),
      expected: { goaway: frameSizeError },
    },
    {
      name: 'of a stream',
      send: (client) => client.frame(FrameType.settings, 0, 1, settings([Setting.enablePush, 0])),
      expected: { goaway: protocolError },
    },
    {
      name: 'of a length that is no multiple of 6',
      send: (client) => client.frame(FrameType.settings, 0, 0, Buffer.alloc(5)),
      expected: { goaway: frameSizeError },
    },
    {
      name: 'are acknowledged',
      async send(client) {
        const acks = () =>
          client.frames.filter(({ type, flags }) => type === FrameType.settings && flags === 1);
        const before = acks().length;
        set(Setting.maxConcurrentStreams, 50)(client);
        await client.isAlive();
        assert.equal(acks().length, before + 1);
      },
      expected: 'serves',
    },
  ],

  'RFC 9113 section 6.5.2, values': [
    {
      name: 'ENABLE_PUSH is 0 or 1',
      send: set(Setting.enablePush, 2),
      expected: { goaway: protocolError },
    },
    {
      name: 'INITIAL_WINDOW_SIZE is at most 2^31-1',
      send: set(Setting.initialWindowSize, 2 ** 31),
      expected: { goaway: flowControlError },
    },
    {
      name: 'MAX_FRAME_SIZE is at least 2^14',
      send: set(Setting.maxFrameSize, 2 ** 14 - 1),
      expected: { goaway: protocolError },
    },
    {
      name: 'MAX_FRAME_SIZE is at most 2^24-1',
      send: set(Setting.maxFrameSize, 2 ** 24),
      expected: { goaway: protocolError },
    },
  ],

  'RFC 9113 section 6.7, PING': [
    {
      name: 'is answered with its payload',
      send: (client) => client.isAlive(),
      expected: 'serves',
    },
    {
      name: 'an answer that nobody asked for',
      send: (client) => client.frame(FrameType.ping, Flag.ack, 0, 'unasked!'),
      // Node's choice: nobody has a good reason to send one.
      expected: { goaway: protocolError },
    },
    {
      name: 'of a stream',
      send: (client) => client.frame(FrameType.ping, 0, 1, Buffer.alloc(8)),
      expected: { goaway: protocolError },
    },
    {
      name: 'of another length than 8',
      send: (client) => client.frame(FrameType.ping, 0, 0, Buffer.alloc(6)),
      expected: { goaway: frameSizeError },
    },
  ],

  'RFC 9113 section 6.8, GOAWAY': [
    {
      name: 'of a stream',
      send: (client) => client.frame(FrameType.goaway, 0, 1, words(0, 0)),
      expected: { goaway: protocolError },
    },
    {
      name: 'of a client: what it has asked for is answered, and the connection ends',
      async send(client) {
        client.open(1, '/upload/echo');
        client.frame(FrameType.goaway, 0, 0, words(0, ErrorCode.noError));
        client.data(1, 'last', true);
        const { status, body } = await client.answer(1);
        assert.deepEqual([status, body.toString()], [200, 'last']);
      },
      expected: { goaway: ErrorCode.noError },
    },
  ],

  'RFC 9113 section 6.9, WINDOW_UPDATE': [
    {
      name: 'of 0 for the connection',
      send: (client) => client.frame(FrameType.windowUpdate, 0, 0, words(0)),
      expected: { goaway: protocolError },
    },
    {
      name: 'of 0 for a stream',
      send(client) {
        client.open(1, '/upload/silent');
        client.frame(FrameType.windowUpdate, 0, 1, words(0));
      },
      expected: { goaway: protocolError },
    },
    {
      name: 'of another length than 4',
      send: (client) => client.frame(FrameType.windowUpdate, 0, 0, Buffer.alloc(3)),
      expected: { goaway: frameSizeError },
    },
    {
      name: 'above 2^31-1 for the connection',
      send(client) {
        client.frame(FrameType.windowUpdate, 0, 0, words(MAX_WINDOW));
        client.frame(FrameType.windowUpdate, 0, 0, words(MAX_WINDOW));
      },
      expected: { goaway: flowControlError },
    },
    {
      name: 'above 2^31-1 for a stream',
      send(client) {
        client.open(1, '/upload/silent');
        client.frame(FrameType.windowUpdate, 0, 1, words(MAX_WINDOW));
        client.frame(FrameType.windowUpdate, 0, 1, words(MAX_WINDOW));
      },
      expected: { reset: flowControlError, mayEnd: true },
    },
  ],

  'RFC 9113 section 6.9.1, what the client’s window allows': [
    {
      name: 'a window of 1 byte gets 1 byte',
      options: { settings: [[Setting.initialWindowSize, 1]] },
      async send(client) {
        openFive(client);
        await client.sees(isData, 'DATA');
        await client.isAlive();
        assert.equal(received(client), 1);
        client.allow(1, 4);
        assert.equal((await client.answer(1)).body.toString(), 'five!');
        set(Setting.initialWindowSize, 65_535)(client);
      },
      expected: 'serves',
    },
  ],

  'RFC 9113 section 6.9.2, another initial window': [
    {
      name: 'widens the streams that are open',
      options: { settings: [[Setting.initialWindowSize, 0]] },
      async send(client) {
        openFive(client);
        await client.sees(({ type }) => type === FrameType.headers, 'HEADERS');
        await client.isAlive();
        assert.equal(received(client), 0);
        set(Setting.initialWindowSize, 65_535)(client);
        assert.equal((await client.answer(1)).body.toString(), 'five!');
      },
      expected: 'serves',
    },
    {
      name: 'may make a window negative',
      options: { settings: [[Setting.initialWindowSize, 3]] },
      async send(client) {
        openFive(client);
        await client.sees(isData, 'DATA');
        set(Setting.initialWindowSize, 2)(client);
        client.frame(FrameType.windowUpdate, 0, 1, words(1));
        await client.isAlive();
        assert.equal(received(client), 3);
        client.frame(FrameType.windowUpdate, 0, 1, words(2));
        assert.equal((await client.answer(1)).body.toString(), 'five!');
        set(Setting.initialWindowSize, 65_535)(client);
      },
      expected: 'serves',
    },
  ],
});
