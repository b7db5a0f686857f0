import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RawHttp2, type RawHttp2Options } from '../../support/http2/raw-http2.js';
import { TestServer, type TestServerOptions } from '../../support/test-server.js';
import { until } from '../../support/until.js';

/** What the server must do: go on and serve, or refuse with exactly this code. `mayEnd`: it need not go on
 *  after the reset. */
export type Expected =
  | 'serves'
  | { readonly goaway: number }
  | { readonly reset: number; readonly mayEnd?: boolean };

/** Something that a client sends, and what the server must make of it. */
export interface Case {
  readonly name: string;
  readonly options?: RawHttp2Options;
  /** Uses streams below 101. */
  send(client: RawHttp2): void | Promise<void>;
  readonly expected: Expected;
}

const PROBE = 101;

/** Short times, so that a connection that nghttp2 has given up is found soon; but longer than a busy
 *  machine stands still. */
const SERVER: TestServerOptions = {
  http: { headTimeoutMs: 3000, keepAliveTimeoutMs: 3000 },
  limits: {
    minRateGraceMs: 3000,
    minRateWindowMs: 3000,
    responseTimeoutMs: 3000,
    clientStallTimeoutMs: 3000,
  },
  transports: { http2: { lingerMs: 1000 } },
  segment: { pools: [{ name: 'uploads', streams: 64, requestSlots: 8, responseSlots: 4 }] },
};

/** Runs the cases of each section, every one on a connection of its own, and looks in the end that the
 *  server has kept nothing. */
export function runCases(sections: Readonly<Record<string, readonly Case[]>>): void {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start(SERVER);
  });
  after(() => server?.stop());
  for (const [section, cases] of Object.entries(sections)) {
    describe(section, { concurrency: true }, () => {
      for (const { name, options, send, expected } of cases) {
        test(name, { timeout: 60_000 }, async () => {
          const client = await RawHttp2.connect(server.port('http', 'http2'), options);
          try {
            await send(client);
            await meets(client, expected);
          } finally {
            client.destroy();
          }
        });
      }
    });
  }
  test('nothing is left of all that', async () => {
    await server.free();
    await until(
      () => server.server.stats().transports.http2?.connections === 0,
      'every connection to end',
    );
    const client = await RawHttp2.connect(server.port('http', 'http2'));
    await serves(client, 1);
    client.destroy();
  });
}

async function meets(client: RawHttp2, expected: Expected): Promise<void> {
  if (expected === 'serves') return serves(client, PROBE);
  const outcome = await client.refusal();
  if ('goaway' in expected) {
    assert.deepEqual(outcome, { kind: 'goaway', code: expected.goaway });
    await client.ending();
  } else {
    assert.deepEqual(outcome, { kind: 'reset', stream: 1, code: expected.reset });
    if (!expected.mayEnd) await serves(client, PROBE);
  }
}

async function serves(client: RawHttp2, stream: number): Promise<void> {
  client.open(stream, '/upload/echo');
  client.data(stream, 'still there', true);
  const { status, body } = await client.answer(stream);
  assert.deepEqual([status, body.toString()], [200, 'still there']);
}
