import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { random } from '../../support/lossy-network.js';
import { runSrtClient, SrtServer } from '../../support/srt.js';
import { UdpRelay } from '../../support/udp-relay.js';

const TIMEOUT = { timeout: 180_000 };
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

for (const loss of [0.02, 0.1]) {
  test(`${loss * 100} % of the packets lost, the others reordered: the same bytes, and the answer`, {
    ...TIMEOUT,
  }, async () => {
    const server = await SrtServer.start();
    const options = { loss, delayMs: 5, spreadMs: 10, random: random(7), affects: () => true };
    const relay = await UdpRelay.start('127.0.0.1', server.port('live'), options);
    try {
      const body = randomBytes(300_000);
      const id = `#!::r=lossy,t=file,user_len=${body.length}`;
      const args = [String(relay.port), '--file', '--stream-id', id];
      const { answer = '', reason } = await runSrtClient(args, body);
      const said = JSON.parse(answer.slice(answer.indexOf('\n') + 1) || '{}') as object;
      assert.deepEqual(said, { size: body.length, sha256: sha256(body), padding: '' }, reason);
      assert.ok(relay.lost > 3, `${relay.lost} were lost`);
      const packets = server.server.server.stats().transports.srt?.packets;
      assert.ok((packets?.retransmittedTotal ?? 0) > 0);
      await server.server.free();
    } finally {
      relay.close();
      await server.stop();
    }
  });
}
