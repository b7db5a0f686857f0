// A thousand uploads of 1 MB at once over each transport: none is lost, memory stays bounded, and no
// stream is left.

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until, within } from '../support/until.js';
import type { Target, TransportClient } from './client.js';
import { CLIENTS } from './clients.js';
import type { ManyStart, ManyState } from './many-server.js';
import { sample, sha256 } from './tools.js';

const COUNT = 1000;
const SIZE = 2 ** 20;
const FIRST = 1000;
const WATCHDOG_MS = 240_000;

/** The server's process. */
class ManyServer implements Target {
  readonly #child: ChildProcess;
  #addresses: ManyStart['addresses'] = [];

  constructor({ transports = {} }: TransportClient) {
    const script = fileURLToPath(new URL('./many-server.ts', import.meta.url));
    this.#child = fork(script, [JSON.stringify(transports)], { execArgv: ['--import', 'tsx'] });
  }

  async start(): Promise<void> {
    this.#addresses = (await this.#message<ManyStart>()).addresses;
  }

  port(scheme = 'http', transport?: string): number {
    const found = this.#addresses.find(
      (one) => one.scheme === scheme && (!transport || one.transport === transport),
    );
    if (!found) throw new Error(`no ${scheme} listener`);
    return found.port;
  }

  url(path: string, scheme = 'http'): string {
    return `${scheme}://127.0.0.1:${this.port(scheme)}${path}`;
  }

  state(): Promise<ManyState> {
    this.#child.send('state');
    return this.#message<ManyState>();
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.disconnect();
    await once(this.#child, 'exit');
  }

  async #message<T>(): Promise<T> {
    const ended = once(this.#child, 'exit').then(() => {
      throw new Error('the server has ended');
    });
    const [message] = await Promise.race([once(this.#child, 'message'), ended]);
    return message as T;
  }
}

/** Begins an upload; resolves when its answer has begun. */
async function begin(client: TransportClient, server: Target, body: Uint8Array) {
  const options = { path: '/upload/overlap', length: SIZE };
  const upload = client.open(server, options);
  await upload.write(body.subarray(0, FIRST));
  const answer = await upload.answer;
  return async (): Promise<string> => {
    await upload.write(body.subarray(FIRST));
    upload.end();
    return answer.text();
  };
}

for (const client of CLIENTS) {
  describe(`${client.name}: a thousand uploads of 1 MB at once`, () => {
    let server: ManyServer;
    before(async () => {
      server = new ManyServer(client);
      await server.start();
    });
    after(() => server.stop());

    test('none is lost, and nothing is left', { timeout: WATCHDOG_MS }, async () => {
      const body = sample(SIZE);
      const expected = `first\n${SIZE} ${sha256(body)}\n`;
      const begun = Array.from({ length: COUNT }, () => begin(client, server, body));
      const rests = await within(Promise.all(begun), 'every answer to begin', WATCHDOG_MS);
      assert.equal((await server.state()).streams, COUNT);
      const texts = await within(Promise.all(rests.map((rest) => rest())), 'all', WATCHDOG_MS);
      assert.equal(texts.filter((text) => text === expected).length, COUNT);
      await until(async () => (await server.state()).streams === 0, 'every stream to be free');
      const { peakBytes, allowedBytes } = await server.state();
      const allowed = allowedBytes + COUNT * (client.connectionBytes ?? 0);
      assert.ok(peakBytes < allowed, `${peakBytes} bytes of ${allowed}`);
    });
  });
}
