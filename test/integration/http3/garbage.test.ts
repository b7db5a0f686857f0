// What is no QUIC, or nearly, must cost nothing and end nothing.

import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { TestServer } from '../../support/test-server.js';
import { HTTP3, Http3Client } from './support.js';

const VERSION_1 = Buffer.from([0, 0, 0, 1]);
const VERSION_GREASE = Buffer.from([0x1a, 0x2a, 0x3a, 0x4a]);

/** A long header as RFC 9000 section 17.2 has it, with anything behind it. */
function longHeader(first: number, version: Buffer, idLength: number, rest: Buffer): Buffer {
  const id = randomBytes(idLength);
  const ids = Buffer.concat([Buffer.from([idLength]), id, Buffer.from([idLength]), id]);
  return Buffer.concat([Buffer.from([first]), version, ids, rest]);
}

const kinds: readonly (() => Buffer)[] = [
  () => randomBytes(randomInt(0, 1500)),
  () => Buffer.alloc(1200),
  () => Buffer.alloc(randomInt(1, 1500), 0xff),
  // Initial packets: too small, with lengths that lie, with a token that nobody gave.
  () => longHeader(0xc0, VERSION_1, 8, randomBytes(20)),
  () => longHeader(0xc3, VERSION_1, 20, randomBytes(1200)),
  () =>
    longHeader(0xc0, VERSION_1, 8, Buffer.concat([Buffer.from([0x40, 0x40]), randomBytes(1200)])),
  () => longHeader(0xc0, VERSION_1, 8, Buffer.concat([Buffer.from([0xff]), randomBytes(1200)])),
  // Another version, a connection ID that is too long, Handshake, 0-RTT and Retry out of nowhere.
  () => longHeader(0xc0, VERSION_GREASE, 8, randomBytes(1200)),
  () => longHeader(0xc0, VERSION_1, 255, randomBytes(1200)),
  () => longHeader(0xe0, VERSION_1, 8, randomBytes(1200)),
  () => longHeader(0xd0, VERSION_1, 8, randomBytes(1200)),
  () => longHeader(0xf0, VERSION_1, 8, randomBytes(1200)),
  // A short header of a connection that there is not.
  () => Buffer.concat([Buffer.from([0x40]), randomBytes(randomInt(1, 1300))]),
];

test('garbage is dropped, and requests go on', { timeout: 240_000 }, async () => {
  const server = await TestServer.start({ transports: HTTP3 });
  const client = new Http3Client(server);
  const socket = createSocket('udp4');
  try {
    const running = client.open('/upload/overlap', { 'content-length': '8' });
    await running.first('response');
    for (let round = 0; round < 300; round++) {
      for (const make of kinds) {
        socket.send(make(), client.port, '127.0.0.1');
      }
      if (round % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    // The last of them has left when this one has.
    socket.send(Buffer.from([0]), client.port, '127.0.0.1', () => socket.emit('sent'));
    await once(socket, 'sent');
    assert.equal((await client.post('/upload/hash', 'still there')).status, 200);
    await running.write(Buffer.from('the rest'));
    running.end();
    const { body } = await client.response(running);
    assert.match(body, /^first\n8 /);
    assert.equal(server.server.stats().transports.http3?.connectionsTotal, 2);
    assert.ok(!server.log.some((line) => line.includes('engine has failed')));
  } finally {
    socket.close();
    client.process.kill();
    await server.stop();
  }
});
