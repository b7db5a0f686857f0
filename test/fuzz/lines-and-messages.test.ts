import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UploadResponseError } from '../../src/errors/index.js';
import { errorAnswer, errorWithHead, headLine } from '../../src/ingress/index.js';
import { errorLine } from '../../src/transports/tcp/error-line.js';
import { MAX_LINE_BYTES, TokenLine } from '../../src/transports/tcp/token-line.js';
import { readMessage } from '../../src/transports/webrtc/messages.js';
import { attempt, runs } from './support/runs.js';

const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const beginning = fc.oneof(
  bytes(30),
  fc
    .tuple(fc.constantFrom('TOKEN ', 'TOKEN', 'token ', 'TOKEN  '), bytes(20), bytes(20))
    .map(([prefix, token, rest]) =>
      Buffer.concat([Buffer.from(prefix), token, Buffer.from('\n'), rest]),
    ),
  fc
    .tuple(fc.stringMatching(/^[!-~]{1,40}$/), fc.constantFrom('\n', '\r\n'), bytes(60))
    .map(([token, end, rest]) => Buffer.concat([Buffer.from(`TOKEN ${token}${end}`), rest])),
);

/** The token and the first bytes of the body, or what is wrong, of bytes in pieces. */
function lineOf(pieces: readonly Buffer[]): string {
  const line = new TokenLine();
  try {
    for (const [index, piece] of pieces.entries()) {
      const found = line.push(piece);
      if (!found) continue;
      const body = Buffer.concat([found.rest, ...pieces.slice(index + 1)]);
      return `${found.token} ${body.toString('hex')}`;
    }
    return 'more';
  } catch (error) {
    assert.ok(error instanceof UploadResponseError, String(error));
    return error.code;
  }
}

test('the token line is the same in whatever pieces it comes', () => {
  fc.assert(
    fc.property(beginning, fc.array(fc.nat(80), { maxLength: 8 }), (input, cuts) => {
      const ends = [...new Set([...cuts, input.length])].filter((end) => end <= input.length);
      ends.sort((a, b) => a - b);
      const pieces = ends.map((end, index) => input.subarray(ends[index - 1] ?? 0, end));
      const whole = lineOf([input]);
      assert.equal(lineOf(pieces), whole);
      assert.equal(lineOf(Array.from(input, (byte) => Buffer.of(byte))), whole);
      const [, token, rest] =
        /^TOKEN ([!-~]+?)\r?\n([\s\S]*)$/.exec(input.toString('latin1')) ?? [];
      if (token !== undefined && rest !== undefined) {
        assert.equal(whole, `${token} ${Buffer.from(rest, 'latin1').toString('hex')}`);
      } else assert.match(whole, /^(more|TOKEN_LINE_INVALID)$/);
    }),
    runs(3000),
  );
});

test('a token line has a longest length, to the byte, in whatever pieces', () => {
  fc.assert(
    fc.property(fc.integer({ min: -2, max: 2 }), fc.integer({ min: 1, max: 5000 }), (by, size) => {
      const length = MAX_LINE_BYTES + by;
      const input = Buffer.from(`TOKEN ${'x'.repeat(length - 6)}\n`);
      const pieces: Buffer[] = [];
      for (let at = 0; at < input.length; at += size) pieces.push(input.subarray(at, at + size));
      const expected = by > 0 ? 'TOKEN_LINE_INVALID' : `${'x'.repeat(length - 6)} `;
      assert.equal(lineOf(pieces), expected);
    }),
    runs(50),
  );
});

const text = fc.string({ unit: 'binary', maxLength: 60 });
const fields = fc.array(fc.tuple(text, text), { maxLength: 6 });

test('a head is one line, whatever stands in it, and an error too', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 599 }), fields, text, (status, headers, detail) => {
      const line = headLine(status, headers).toString();
      assert.equal(line.indexOf('\n'), line.length - 1);
      // What is no Unicode (half a surrogate) cannot be sent as UTF-8.
      const wellFormed = headers.map((field) => field.map((one) => Buffer.from(one).toString()));
      const read = JSON.parse(line);
      const readFields = read.headers.map((field: string[]) =>
        field.map((one) => Buffer.from(one).toString()),
      );
      assert.deepEqual([read.status, readFields], [status, wellFormed]);
      const error = new UploadResponseError('VETOED', detail);
      const answer = errorAnswer(error);
      const said = errorLine(error, answer).toString();
      assert.equal(said.search(/[\n\r\v\f\u0085\u2028\u2029]/), said.length - 1);
      assert.match(said, /^ERROR \d{3} VETOED /);
      const [head = '', ...body] = errorWithHead(answer).toString().split('\n');
      assert.equal(JSON.parse(head).status, answer.status);
      assert.equal(JSON.parse(body.join('\n')).error, 'VETOED');
    }),
    runs(1000),
  );
});

const MAX_BYTES = 2000;
const part = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof(
    { weight: 4, arbitrary: arbitrary as fc.Arbitrary<unknown> },
    { weight: 1, arbitrary: fc.jsonValue() },
  );
const optional: { requiredKeys: ['type'] } = { requiredKeys: ['type'] };
const message = fc.oneof(
  fc.json(),
  text,
  fc
    .oneof(
      fc.record(
        { type: fc.constant('open'), headers: part(fields), length: part(fc.nat()) },
        optional,
      ),
      fc.record({ type: fc.constant('end'), trailers: part(fields) }, optional),
      fc.record(
        { type: fc.constantFrom('abort', 'head', '__proto__'), more: fc.jsonValue() },
        optional,
      ),
    )
    .map((value) => JSON.stringify(value)),
);

test('a text message is one of three, or refused', () => {
  let taken = 0;
  fc.assert(
    fc.property(message, (one) => {
      const read = attempt(['BAD_MESSAGE', 'HEAD_TOO_LARGE'], () => readMessage(one, MAX_BYTES));
      if (one.length > MAX_BYTES) assert.equal(read, undefined);
      if (!read) return;
      taken++;
      assert.ok(['open', 'end', 'abort'].includes(read.type));
      const list = read.type === 'open' ? read.headers : read.type === 'end' ? read.trailers : [];
      for (const field of list) {
        assert.deepEqual(
          field.map((part) => typeof part),
          ['string', 'string'],
        );
      }
      if (read.type !== 'open' || read.length === undefined) return;
      assert.ok(Number.isSafeInteger(read.length) && read.length >= 0);
    }),
    runs(3000),
  );
  assert.ok(taken > 50, `${taken} were taken: the others say nothing`);
});
