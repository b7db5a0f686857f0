import { describe, type TestContext, test } from 'node:test';
import { http1Client } from '../conformance/http1-client.js';
import { TestServer } from '../support/test-server.js';
import { attaching } from './attaching.js';
import { claims } from './claims.js';
import { LANGUAGES } from './languages.js';
import { live } from './live.js';
import { observing } from './observing.js';
import { type Duty, type Language, Program } from './program.js';
import { reading } from './reading.js';
import type { Scenario, Stage } from './scenario.js';

const client = http1Client('http1', 'http');

/** Streams wait here for programs that start while they are open, which takes a busy machine its time. */
const PATIENT = { noWorkerTimeoutMs: 60_000, minRateBytesPerSecond: 0 };

/** Every pair of languages in the first two places; the third goes round, so that it meets all pairs. */
function mixes(places: Scenario['places']): Language[][] {
  const count = LANGUAGES.length;
  const at = (index: number) => LANGUAGES[index % count] as Language;
  const all = Array.from({ length: count }, (_, i) => i);
  if (places === 1) return all.map((i) => [at(i)]);
  const pairs = all.flatMap((i) => all.map((j) => [at(i), at(j), at(i + j)]));
  return pairs.map((mix) => mix.slice(0, places));
}

async function run(t: TestContext, scenario: Scenario, mix: readonly Language[]): Promise<void> {
  const limits = { ...PATIENT, ...scenario.options?.limits };
  const server = await TestServer.start({ ...scenario.options, limits, workers: 0 });
  const programs: Program[] = [];
  t.after(async () => {
    await Promise.all(programs.map((program) => program.kill()));
    await server.stop();
  });
  const language = (place: number) => mix[place] as Language;
  const spawn: Stage['spawn'] = (duty: Duty, place = 0, socket = server.server.socket, other) => {
    const program = new Program(other ?? language(place), socket, duty);
    programs.push(program);
    return program;
  };
  const start: Stage['start'] = async (duty, place) => {
    const program = spawn(duty, place);
    await program.event('attached');
    return program;
  };
  await scenario.run({ server, client, language, spawn, start });
  await server.free();
}

for (const scenario of [...reading, ...claims, ...observing, ...attaching, ...live]) {
  describe(scenario.name, () => {
    for (const mix of mixes(scenario.places)) {
      const name = mix.map((language) => language.name).join(', ');
      test(name, { timeout: 120_000 }, (t) => run(t, scenario, mix));
    }
  });
}
