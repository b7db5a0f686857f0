import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import { RtmpServer } from '../../support/rtmp.js';
import { RtmpClient } from '../../support/rtmp-client.js';
import { until } from '../../support/until.js';

const TIMEOUT = { timeout: 300_000 };
const CONNECTIONS = 10_000;
const AT_ONCE = 20;
const MB = 2 ** 20;
/** So often nothing may have moved before it stands still. */
const STILL_CHECKS = 40;

const openFiles = () => readdirSync('/proc/self/fd').length;

/** Sends something that ends in the middle and leaves, or is sent away. */
function pass(port: number, round: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.once('close', () => resolve());
    socket.resume();
    const pieces = [
      Buffer.alloc(0),
      Buffer.alloc(700, 3),
      Buffer.alloc(1537, 3),
      Buffer.from('GET'),
    ];
    const whole = Buffer.concat([Buffer.alloc(3073, 3), Buffer.alloc(50, 0x04)]);
    socket.end(pieces[round % 5] ?? whole);
  });
}

test(`${CONNECTIONS} connections that come to nothing leave nothing behind`, TIMEOUT, async () => {
  const server = await RtmpServer.start();
  try {
    const files = openFiles();
    for (let round = 0; round < CONNECTIONS; round += AT_ONCE) {
      const batch = Array.from({ length: AT_ONCE }, (_, i) => pass(server.port(), round + i));
      await Promise.all(batch);
    }
    await until(() => server.stats.connections === 0, 'every connection to be gone');
    assert.equal(server.stats.connectionsTotal, CONNECTIONS);
    await until(() => openFiles() <= files, 'every descriptor to be closed');
    assert.equal(server.server.server.segment.native.streams().length, 0);
  } finally {
    await server.stop();
  }
});

test('100 publications leave no stream behind', TIMEOUT, async () => {
  const server = await RtmpServer.start();
  try {
    for (let round = 0; round < 100; round++) {
      const from = server.reports.length;
      const client = await RtmpClient.publish(server.port(), `key-${round}`);
      await client.status();
      client.config();
      client.frame(0, true, Buffer.alloc(20_000, 0x65));
      if (round % 2 === 0) client.command(1, 'closeStream', 0, null);
      else await server.report('opened', from);
      client.socket.end();
      await server.report(round % 2 === 0 ? 'body' : 'aborted', from);
    }
    await server.server.free();
  } finally {
    await server.stop();
  }
});

test(
  'a worker that does not read: the publisher is held back, and nothing is lost',
  TIMEOUT,
  async () => {
    const server = await RtmpServer.start();
    try {
      server.suspendWorker();
      const client = await RtmpClient.publish(server.port(), 'key');
      await client.status();
      client.config();
      const frames = 200;
      for (let i = 0; i < frames; i++) client.frame(i * 40, i === 0, Buffer.alloc(MB / 4, 0x41));
      // The client's own queue is in this process too; it stands still when the server does not read.
      let unsent = -1;
      let same = 0;
      await until(() => {
        const now = client.socket.writableLength;
        same = now === unsent ? same + 1 : 0;
        unsent = now;
        return same === STILL_CHECKS;
      }, 'the server to stop reading');
      const half = (frames * MB) / 8;
      assert.ok(unsent > half, `only ${unsent} bytes wait at the client`);
      server.resumeWorker();
      client.command(1, 'closeStream', 0, null);
      const { units } = await server.report('body');
      assert.equal(units.length, frames);
      client.socket.end();
      await server.server.free();
    } finally {
      await server.stop();
    }
  },
);
