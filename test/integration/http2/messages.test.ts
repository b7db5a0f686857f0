// RFC 9113 section 8: what a request may look like.

import assert from 'node:assert/strict';
import { ErrorCode, Flag, FrameType } from '../../support/http2/frames.js';
import { block, type Field } from '../../support/http2/hpack.js';
import { type RawHttp2, requestFields } from '../../support/http2/raw-http2.js';
import { type Case, runCases } from './cases.js';

const { protocolError } = ErrorCode;
const POST = requestFields('/upload/head');

const without = (name: string) => POST.filter(([key]) => key !== name);
const replaced = (name: string, value: string): Field[] =>
  POST.map(([key, old]) => [key, key === name ? value : old]);

const send = (client: RawHttp2, fields: readonly Field[]) =>
  client.frame(FrameType.headers, Flag.endHeaders | Flag.endStream, 1, block(fields));

/** A malformed request: its stream is reset, and the connection goes on. */
const malformed = (name: string, fields: readonly Field[]): Case => ({
  name,
  send: (client) => send(client, fields),
  expected: { reset: protocolError },
});

/** A request that is answered with an error. */
const answered = (name: string, fields: readonly Field[], status: number, error: string): Case => ({
  name,
  async send(client) {
    send(client, fields);
    const answer = await client.answer(1);
    const body = JSON.parse(answer.body.toString()) as { error: string };
    assert.deepEqual([answer.status, body.error], [status, error]);
  },
  expected: 'serves',
});

/** A request that reaches the worker; `check`: the fields that it saw. */
const seen = (
  name: string,
  fields: readonly Field[],
  check: (fields: readonly Field[]) => void,
): Case => ({
  name,
  async send(client) {
    send(client, fields);
    const { status, body } = await client.answer(1);
    assert.equal(status, 200, body.toString());
    check(JSON.parse(body.toString()) as Field[]);
  },
  expected: 'serves',
});

runCases({
  'RFC 9113 section 8.1, framing': [
    {
      name: 'a body and trailers',
      async send(client) {
        client.open(1, '/upload/hash', false, [['trailer', 'x-sum']]);
        client.data(1, 'body');
        const flags = Flag.endHeaders | Flag.endStream;
        client.frame(FrameType.headers, flags, 1, block([['x-sum', '7']]));
        const { body } = await client.answer(1);
        const { bytes, trailers } = JSON.parse(body.toString());
        assert.deepEqual([bytes, trailers], [4, [['x-sum', '7']]]);
      },
      expected: 'serves',
    },
    {
      name: 'a second HEADERS that does not end the stream',
      send(client) {
        client.open(1, '/upload/hash');
        client.frame(FrameType.headers, Flag.endHeaders, 1, block([['x-sum', '7']]));
      },
      expected: { reset: protocolError },
    },
    {
      name: 'trailers with a pseudo-header field',
      send(client) {
        client.open(1, '/upload/hash');
        const flags = Flag.endHeaders | Flag.endStream;
        client.frame(FrameType.headers, flags, 1, block([[':method', 'POST']]));
      },
      expected: { reset: protocolError },
    },
  ],

  'RFC 9113 section 8.1.1, Content-Length': [
    {
      name: 'as long as the body',
      async send(client) {
        client.open(1, '/upload/echo', false, [['content-length', '5']]);
        client.data(1, 'abc');
        client.data(1, 'de', true);
        assert.equal((await client.answer(1)).body.toString(), 'abcde');
      },
      expected: 'serves',
    },
    {
      name: 'longer than the body',
      send(client) {
        client.open(1, '/upload/silent', false, [['content-length', '5']]);
        client.data(1, 'abc', true);
      },
      expected: { reset: protocolError },
    },
    {
      name: 'shorter than the body of several DATA frames',
      send(client) {
        client.open(1, '/upload/silent', false, [['content-length', '5']]);
        client.data(1, 'abc');
        client.data(1, 'def');
      },
      expected: { reset: protocolError },
    },
    malformed('of a request without a body', [...POST, ['content-length', '1']]),
    malformed('twice', [...POST, ['content-length', '0'], ['content-length', '0']]),
    malformed('that is no number', [...POST, ['content-length', '+0']]),
  ],

  'RFC 9113 section 8.2, fields': [
    malformed('a name in upper case', [...POST, ['X-Upper', '1']]),
    malformed('Connection', [...POST, ['connection', 'keep-alive']]),
    malformed('Keep-Alive', [...POST, ['keep-alive', 'timeout=5']]),
    malformed('Proxy-Connection', [...POST, ['proxy-connection', 'keep-alive']]),
    malformed('Transfer-Encoding', [...POST, ['transfer-encoding', 'chunked']]),
    malformed('Upgrade', [...POST, ['upgrade', 'h2c']]),
    malformed('TE with anything but trailers', [...POST, ['te', 'trailers, deflate']]),
    seen('TE: trailers stays behind', [...POST, ['te', 'trailers'], ['x', '1']], (fields) =>
      assert.deepEqual(fields, [['x', '1']]),
    ),
    seen(
      'fields that hold what they may not are dropped',
      [
        ...POST,
        ['x-nul', 'a\0b'],
        ['x-lf', 'a\nb: c'],
        ['x-cr', 'a\rb'],
        ['bad name', '1'],
        ['x', '1'],
      ],
      (fields) => assert.deepEqual(fields, [['x', '1']]),
    ),
    seen(
      'the crumbs of a cookie become one field',
      [...POST, ['cookie', 'a=1'], ['x', '1'], ['cookie', 'b=2'], ['cookie', 'c=3']],
      (fields) =>
        assert.deepEqual(fields, [
          ['cookie', 'a=1; b=2; c=3'],
          ['x', '1'],
        ]),
    ),
  ],

  'RFC 9113 section 8.3, pseudo-header fields': [
    malformed('an unknown one', [...POST, [':test', 'x']]),
    malformed('one of responses', [...POST, [':status', '200']]),
    malformed('one after a field', [...without(':path'), ['x', '1'], [':path', '/upload/head']]),
    malformed('no :method', without(':method')),
    malformed('no :scheme', without(':scheme')),
    malformed('no :path', without(':path')),
    malformed('an empty :path', replaced(':path', '')),
    malformed('two of :method', [[':method', 'POST'], ...POST]),
    malformed('two of :scheme', [[':scheme', 'http'], ...POST]),
    malformed('two of :path', [[':path', '/upload/head'], ...POST]),
    malformed('two of :authority', [[':authority', 'localhost'], ...POST]),
    malformed('a :path that is no path', replaced(':path', 'http://localhost/upload/head')),
    malformed('a :path without a slash', replaced(':path', 'upload/head')),
    malformed(':protocol, which was not offered', [
      ...replaced(':method', 'CONNECT'),
      [':protocol', 'websocket'],
    ]),
    malformed('neither :authority nor Host', without(':authority')),
    seen('Host in the place of :authority', [...without(':authority'), ['host', 'h']], (fields) =>
      assert.deepEqual(fields, [['host', 'h']]),
    ),
    seen('Host that says the same', [...POST, ['host', 'LOCALHOST']], (fields) =>
      assert.deepEqual(fields, [['host', 'LOCALHOST']]),
    ),
    answered('Host that says something else', [...POST, ['host', 'other']], 400, 'BAD_REQUEST'),
    answered(
      'an :authority with a user',
      replaced(':authority', 'user@localhost'),
      400,
      'BAD_REQUEST',
    ),
    answered('a :scheme of another protocol', replaced(':scheme', 'ftp'), 400, 'BAD_REQUEST'),
    answered('a method that nobody knows', replaced(':method', 'BREW'), 400, 'BAD_REQUEST'),
    answered(
      'the asterisk',
      [
        ...replaced(':method', 'OPTIONS').map(
          ([key, value]): Field => [key, key === ':path' ? '*' : value],
        ),
      ],
      404,
      'UNKNOWN_PATH',
    ),
    answered('another path', replaced(':path', '/elsewhere'), 404, 'UNKNOWN_PATH'),
    answered('a path that cannot be decoded', replaced(':path', '/upload/%ff'), 400, 'BAD_REQUEST'),
  ],

  'RFC 9113 section 8.5, CONNECT': [
    answered(
      'there is nothing to connect to',
      [
        [':method', 'CONNECT'],
        [':authority', 'localhost:80'],
      ],
      400,
      'BAD_REQUEST',
    ),
  ],

  'RFC 9110 section 10.1.1, Expect': [
    answered('another expectation', [...POST, ['expect', 'a miracle']], 417, 'EXPECTATION_FAILED'),
  ],
});
