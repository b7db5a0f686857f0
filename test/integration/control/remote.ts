import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { type ControlAnswer, ControlClient } from '../../support/control-client.js';
import { TestServer, type TestServerOptions } from '../../support/test-server.js';
import { until, within } from '../../support/until.js';

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

/** Remote workers of a test are as slow as the machine: nothing ends because of that. */
const PATIENCE_MS = 300_000;

/** A server without local workers unless told otherwise, and a client of its control API. */
export async function setUp(t: TestContext, options: TestServerOptions = {}) {
  const limits = {
    noWorkerTimeoutMs: PATIENCE_MS,
    responseTimeoutMs: PATIENCE_MS,
    evictAfterMs: PATIENCE_MS,
    ...options.limits,
  };
  const server = await TestServer.start({ workers: 0, ...options, limits });
  t.after(() => server.stop());
  const api = new ControlClient(server.url(''));
  return { server, api };
}

/** Bytes that look like nothing, and their hash. */
export function noise(size: number): { readonly bytes: Uint8Array; readonly sha256: string } {
  const bytes = new Uint8Array(randomBytes(size));
  return { bytes, sha256: sha256(bytes) };
}

export const upload = (server: TestServer, path: string, body: string | Uint8Array) =>
  fetch(server.url(`/upload${path}`), { method: 'PUT', body: body as string });

/** A worker over the control API, step by step. */
export class Remote {
  constructor(
    readonly api: ControlClient,
    readonly id: string,
  ) {}

  static async register(api: ControlClient, id: string, json: object = {}): Promise<Remote> {
    await api.ok('PUT', `/workers/${id}/heartbeat`, { json: { timeoutMs: PATIENCE_MS, ...json } });
    return new Remote(api, id);
  }

  /** Id of the next stream that it is told of. */
  async next(): Promise<number> {
    const end = performance.now() + 90_000;
    while (performance.now() < end) {
      const list = await this.api.ok('GET', `/streams?worker=${this.id}&wait=5000`);
      if (list.streams.length > 0) return list.streams[0].id;
    }
    throw new Error('no stream came');
  }

  /** The token of its claim. */
  async claim(stream: number): Promise<string> {
    const claim = await this.api.ok('PUT', `/streams/${stream}/response/claim/${this.id}`);
    return claim.token;
  }

  join(stream: number, json: object = {}) {
    return this.api.ok('PUT', `/streams/${stream}/readers/${this.id}`, { json });
  }

  /** Reads one slot, for which it waits. */
  async slot(stream: number, slot: number, query = ''): Promise<ControlAnswer & { type: string }> {
    const path = `/streams/${stream}/request/slots/${slot}?worker=${this.id}&wait=5000${query}`;
    const answer = await this.api.get(path);
    return { ...answer, type: answer.headers.get('x-upload-response-slot-type') ?? '' };
  }

  /** Reads the body to its end. */
  async *body(stream: number): AsyncGenerator<Buffer> {
    for (let slot = 1; ; slot++) {
      const { status, type, bytes, json } = await this.slot(stream, slot);
      if (status === 204) slot--;
      else if (status !== 200) throw new Error(`slot ${slot}: ${status} ${JSON.stringify(json)}`);
      else if (type === 'end') return;
      else if (type === 'body') yield bytes;
    }
  }

  async hash(stream: number): Promise<{ readonly size: number; readonly sha256: string }> {
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of this.body(stream)) {
      hash.update(chunk);
      size += chunk.length;
    }
    return { size, sha256: hash.digest('hex') };
  }

  head(stream: number, token: string, json: object = { status: 200 }) {
    const path = `/streams/${stream}/response/headers`;
    return this.api.ok('PUT', path, { json, headers: shown(token) });
  }

  write(stream: number, token: string, bytes: string | Uint8Array) {
    const path = `/streams/${stream}/response/body`;
    return this.api.ok('PUT', path, { bytes, headers: shown(token) });
  }

  end(stream: number, token: string, json: object = {}) {
    const path = `/streams/${stream}/response/end`;
    return this.api.ok('PUT', path, { json, headers: shown(token) });
  }

  /** The whole answer at once. */
  async answer(stream: number, token: string, body: string): Promise<void> {
    await this.head(stream, token);
    await this.write(stream, token, body);
    await this.end(stream, token);
  }
}

export const shown = (token: string) => ({ 'x-upload-response-claim': token });

/** Nothing is held any more: every stream's place is free, and so many local workers are attached. */
export async function expectNothingLeft(
  server: TestServer,
  api: ControlClient,
  localWorkers = 0,
): Promise<void> {
  await within(server.free(), 'every stream to be free');
  await until(async () => {
    const { workers } = await api.ok('GET', '/workers');
    // The API keeps a row of its own for a while after somebody has waited.
    const others = workers.filter(({ name }: { name: string }) => name !== 'control-api');
    return others.length === 1 + localWorkers;
  }, 'every row to be free');
  assert.deepEqual(server.server.segment.native.streams(), []);
}
