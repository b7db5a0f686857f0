import { after, before, describe, test } from 'node:test';
import { TestServer, type TestServerOptions } from '../support/test-server.js';
import { ADMISSION, admission } from './admission.js';
import { bodies } from './bodies.js';
import type { Scenario } from './client.js';
import { CLIENTS } from './clients.js';
import { deaths } from './deaths.js';
import { failures, MAX_BODY_BYTES, slow, stuck, unanswered, untaken } from './failures.js';
import { observers, REQUIRED, silentObservers } from './observers.js';

const observed: TestServerOptions = {
  segment: {
    requiredObservers: [REQUIRED],
    pools: [{ name: 'uploads', streams: 8, requestSlots: 8, responseSlots: 4 }],
  },
  observers: [REQUIRED, 'archive'],
};

const suites: readonly (readonly [string, TestServerOptions, readonly Scenario[]])[] = [
  ['bodies', {}, bodies],
  ['admission', ADMISSION, admission],
  ['failures', { limits: { maxBodyBytes: MAX_BODY_BYTES } }, failures],
  ['untaken requests', { limits: { noWorkerTimeoutMs: 500 } }, untaken],
  ['unanswered requests', { limits: { responseTimeoutMs: 1000 } }, unanswered],
  ['stuck readers', { limits: { evictAfterMs: 1000 } }, stuck],
  ['slow uploads', { limits: { minRateBytesPerSecond: 1000, minRateGraceMs: 3000 } }, slow],
  // Some streams wait for a worker that is only then started.
  ['deaths', { workers: 0, limits: { maxAttempts: 2, noWorkerTimeoutMs: 60_000 } }, deaths],
  ['observers', { ...observed, limits: { observerLingerMs: 20_000 } }, observers],
  ['silent observers', { ...observed, limits: { responseTimeoutMs: 1000 } }, silentObservers],
];

for (const client of CLIENTS) {
  const lacks = (name: string) =>
    client.without?.some((one) => (typeof one === 'string' ? one === name : one.test(name)));
  for (const [name, options, all] of suites) {
    const scenarios = lacks(name) ? [] : all.filter((scenario) => !lacks(scenario.name));
    if (scenarios.length === 0) continue;
    describe(`${client.name}: ${name}`, () => {
      let server: TestServer;
      before(async () => {
        server = await TestServer.start({ ...options, transports: client.transports });
      });
      after(() => server?.stop());
      for (const scenario of scenarios) {
        // For 1 GB on a slow machine; what hangs is found by the watchdog of its step.
        test(scenario.name, { timeout: 300_000 }, async () => {
          await scenario.run(client, server);
          await server.free();
          // What they say of this scenario's streams is not taken for what they say of the next one's.
          for (const worker of server.workers) await worker.heard();
        });
      }
    });
  }
}
