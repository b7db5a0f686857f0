import { after, before, describe, test } from 'node:test';
import { TestServer, type TestServerOptions } from '../support/test-server.js';
import { ADMISSION, admission } from './admission.js';
import { bodies } from './bodies.js';
import type { Scenario } from './client.js';
import { CLIENTS } from './clients.js';
import { deaths } from './deaths.js';
import { failures, slow, stuck, unanswered, untaken } from './failures.js';
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
  ['failures', { limits: { maxBodyBytes: 200 * 2 ** 20 } }, failures],
  ['untaken requests', { limits: { noWorkerTimeoutMs: 500 } }, untaken],
  ['unanswered requests', { limits: { responseTimeoutMs: 1000 } }, unanswered],
  ['stuck readers', { limits: { evictAfterMs: 1000 } }, stuck],
  ['slow uploads', { limits: { minRateBytesPerSecond: 1000, minRateGraceMs: 3000 } }, slow],
  ['deaths', { workers: 0, limits: { maxAttempts: 2 } }, deaths],
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
        test(scenario.name, { timeout: 60_000 }, async () => {
          await scenario.run(client, server);
          await server.free();
        });
      }
    });
  }
}
