import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { closePayload, frameOf, Opcode, RawWebSocket } from '../../support/raw-websocket.js';
import { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';

const PROTOCOLS = ['', 'upload-response.head.v1', 'upload-response.v1'];

let server: TestServer;
before(async () => {
  server = await TestServer.start({
    limits: {
      noWorkerTimeoutMs: 200,
      responseTimeoutMs: 200,
      minRateBytesPerSecond: 1,
      minRateGraceMs: 200,
      minRateWindowMs: 100,
    },
    transports: { websocket: { closeTimeoutMs: 200, idleTimeoutMs: 200 } },
  });
});
after(() => server?.stop());

const path = fc.constantFrom(
  ...[
    'echo',
    'hash',
    'early',
    'overlap',
    'fail',
    'fail?head=1',
    'nobody',
    'silent',
    'bytes?n=300000',
  ],
);

/** What a client may say, and what it must not. */
const frame = fc.oneof(
  { weight: 4, arbitrary: fc.constant(frameOf(Opcode.text, '{"type":"open"}')) },
  {
    weight: 4,
    arbitrary: path.map((one) =>
      frameOf(Opcode.text, JSON.stringify({ type: 'open', path: `/upload/${one}` })),
    ),
  },
  { weight: 4, arbitrary: fc.constant(frameOf(Opcode.text, '{"type":"end"}')) },
  { weight: 2, arbitrary: fc.constant(frameOf(Opcode.text, '{"type":"abort"}')) },
  { weight: 2, arbitrary: fc.constant(frameOf(Opcode.binary)) },
  {
    weight: 6,
    arbitrary: fc
      .integer({ min: 1, max: 200_000 })
      .map((n) => frameOf(Opcode.binary, Buffer.alloc(n))),
  },
  { weight: 1, arbitrary: fc.string().map((text) => frameOf(Opcode.text, text)) },
  { weight: 1, arbitrary: fc.constant(frameOf(Opcode.ping, 'ping')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(1000, 1001, 4000).map((code) => frameOf(8, closePayload(code))),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)) },
);

test('whatever clients say in whatever order, every stream is given back', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...PROTOCOLS),
      path,
      fc.array(frame, { maxLength: 30 }),
      fc.constantFrom('leave', 'stay', 'half-close'),
      async (protocol, where, frames, ending) => {
        const headers = protocol ? [`sec-websocket-protocol: ${protocol}`] : [];
        const client = await RawWebSocket.open(server.port(), `/upload/${where}`, { headers });
        for (const bytes of frames) client.client.send(bytes);
        if (ending === 'half-close') client.client.finish();
        // Every connection ends by itself: answered, too slow, idle, or for what was said.
        if (ending === 'stay') await client.ending();
        client.destroy();
        await server.free();
        const connections = () => server.server.stats().transports.websocket?.connections;
        await until(() => connections() === 0, 'the connection to be forgotten');
      },
    ),
    { numRuns: 100, endOnFailure: true },
  );
  assert.equal(server.server.ingress.stats().waitingBytes, 0);
  assert.equal(server.worker.alive, true);
});
