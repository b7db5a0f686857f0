import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RawClient } from '../../support/raw-client.js';
import { TestServer } from '../../support/test-server.js';

/**
 * Messages whose end two parsers may see in different places (RFC 9112, 11.2). Each carries a second
 * request; the server must answer the first with 400, end the connection, and never carry out the other.
 */
let server: TestServer;
before(async () => {
  server = await TestServer.start();
});
after(() => server?.stop());

/** The request that must never be carried out; `bytes` is a thing the worker would report to claim. */
const HIDDEN = 'GET /upload/bytes?n=1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n';
const POST = 'POST /upload/hash HTTP/1.1\r\nhost: localhost\r\n';
const CHUNKED = `${POST}transfer-encoding: chunked\r\n\r\n`;

const LENGTHS: readonly (readonly [string, string])[] = [
  ['a sign before the length', 'content-length: +5\r\n'],
  ['a hexadecimal length', 'content-length: 0x5\r\n'],
  ['an empty length', 'content-length:\r\n'],
  ['two numbers as one length', 'content-length: 5 5\r\n'],
  ['a list of lengths', 'content-length: 5, 6\r\n'],
  ['a fraction', 'content-length: 5.0\r\n'],
  ['a length with a vertical tab', 'content-length: \x0b5\r\n'],
  ['a length with a NUL', 'content-length: 5\x00\r\n'],
  ['two different lengths', 'content-length: 5\r\ncontent-length: 0\r\n'],
  ['the same length twice', 'content-length: 5\r\ncontent-length: 5\r\n'],
  ['a space before the colon', 'content-length : 5\r\n'],
  ['a length that is folded', 'content-length:\r\n 5\r\n'],
];

const CODINGS: readonly (readonly [string, string])[] = [
  ['length and coding', 'content-length: 5\r\ntransfer-encoding: chunked\r\n'],
  ['coding and length', 'transfer-encoding: chunked\r\ncontent-length: 5\r\n'],
  ['an unknown coding', 'transfer-encoding: xchunked\r\n'],
  ['a coding after chunked', 'transfer-encoding: chunked, identity\r\n'],
  ['chunked twice', 'transfer-encoding: chunked, chunked\r\n'],
  ['two codings', 'transfer-encoding: chunked\r\ntransfer-encoding: cow\r\n'],
  ['a coding with a vertical tab', 'transfer-encoding: \x0bchunked\r\n'],
  ['a quoted coding', 'transfer-encoding: "chunked"\r\n'],
  ['a space before the colon of the coding', 'transfer-encoding : chunked\r\n'],
  ['a coding that is folded', 'transfer-encoding:\r\n chunked\r\n'],
  ['a line that begins with a space', ' transfer-encoding: chunked\r\n'],
  ['a coding after a bare LF', 'x: y\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n'],
  ['a coding after a bare CR', 'x: y\rtransfer-encoding: chunked\r\ncontent-length: 5\r\n'],
];

const CHUNKS: readonly (readonly [string, string])[] = [
  ['a hexadecimal prefix', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['a sign', '-5\r\nhello\r\n0\r\n\r\n'],
  ['no size', '\r\nhello\r\n0\r\n\r\n'],
  ['a size of more than 64 bits', 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n'],
  ['a size that wraps around', '10000000000000005\r\nhello\r\n0\r\n\r\n'],
  ['a bare LF after the size', '5\nhello\r\n0\r\n\r\n'],
  ['a bare LF in an extension', '5;a\nhello\r\n0\r\n\r\n'],
  ['a bare CR after the size', '5\rXhello\r\n0\r\n\r\n'],
  ['data longer than the size', '4\r\nhello\r\n0\r\n\r\n'],
  ['data without its CRLF', '5\r\nhello0\r\n\r\n'],
  ['a space before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
];

/** Sends, and returns everything that came until the server ended the connection. */
async function exchange(bytes: string): Promise<string> {
  const client = await RawClient.connect(server.port());
  client.send(bytes);
  await client.ending();
  const { received } = client;
  client.destroy();
  return received;
}

async function refused(first: string): Promise<void> {
  const before = server.worker.reports.length;
  const received = await exchange(`${first}${HIDDEN}`);
  assert.match(received, /^HTTP\/1\.1 400 /);
  assert.equal(received.split('HTTP/1.1 ').length, 2, `one response: ${received}`);
  // A request that is sure to be carried out comes after whatever was hidden.
  assert.match(
    await exchange(`${POST}content-length: 0\r\nconnection: close\r\n\r\n`),
    /^HTTP\/1\.1 200/,
  );
  const claimed = server.worker.reports.slice(before).filter(({ event }) => event === 'claimed');
  assert.ok(!claimed.some(({ path }) => path === 'bytes'), 'the hidden request was carried out');
  await server.free();
}

describe('request smuggling', () => {
  test('the hidden request is carried out where it is not hidden', async () => {
    const before = server.worker.reports.length;
    const received = await exchange(`${POST}content-length: 5\r\n\r\nhello${HIDDEN}`);
    assert.equal(received.split('HTTP/1.1 200').length, 3);
    const claimed = server.worker.reports.slice(before).filter(({ event }) => event === 'claimed');
    assert.deepEqual(
      claimed.map(({ path }) => path),
      ['hash', 'bytes'],
    );
  });
  for (const [name, fields] of LENGTHS) test(name, () => refused(`${POST}${fields}\r\nhello`));
  for (const [name, fields] of CODINGS) {
    test(name, () => refused(`${POST}${fields}\r\n0\r\n\r\n`));
  }
  for (const [name, body] of CHUNKS) test(`chunk: ${name}`, () => refused(`${CHUNKED}${body}`));
});
