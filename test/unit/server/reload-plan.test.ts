import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { reloadableKeys } from '../../../src/config/index.js';
import { type Config, configSchema } from '../../../src/config/schema.js';
import { describeSchema, type SchemaNode, variant } from '../../../src/config/schema-node.js';
import { planReload, withPlaces } from '../../../src/server/reload-plan.js';
import type { ServerConfig } from '../../../src/server/valid-config.js';

const config = (more: ServerConfig = {}): Config => configSchema.parse(more);
const tls = { certFile: '/a.pem', keyFile: '/b.pem' };

describe('the plan of a reload', () => {
  test('is empty where nothing differs', () => {
    const one = config({ http: { tls } });
    const plan = planReload(one, config({ http: { tls } }));
    assert.deepEqual(plan, { config: one, changed: [], needRestart: [] });
  });

  test('takes over what can be, and nothing else', () => {
    const running = config({ http: { tls }, limits: { maxBodyBytes: 1 } });
    const wanted = config({
      http: { port: 1, tls: { ...tls, certFile: '/c.pem', passphrase: 'secret', port: 2 } },
      limits: { maxBodyBytes: 2 },
      log: { level: 'warn', pretty: true },
      segment: { maxWorkers: 5 },
      shutdown: { drainTimeoutMs: 3 },
    });
    const plan = planReload(running, wanted);
    assert.deepEqual(plan.changed.toSorted(), [
      'http.tls.certFile',
      'http.tls.passphrase',
      'limits.maxBodyBytes',
      'log.level',
      'shutdown.drainTimeoutMs',
    ]);
    assert.deepEqual(plan.needRestart.toSorted(), [
      'http.port',
      'http.tls.port',
      'log.pretty',
      'segment.maxWorkers',
    ]);
    assert.deepEqual(plan.config, {
      ...running,
      http: {
        ...running.http,
        tls: { ...running.http.tls, certFile: '/c.pem', passphrase: 'secret' },
      },
      limits: wanted.limits,
      log: { ...running.log, level: 'warn' },
      shutdown: wanted.shutdown,
    });
    assert.equal(running.limits.maxBodyBytes, 1, 'what runs is left alone');
  });

  test('takes values away too', () => {
    const running = config({ http: { tls: { ...tls, passphrase: 'secret' } } });
    const plan = planReload(running, config({ http: { tls } }));
    assert.deepEqual(plan.changed, ['http.tls.passphrase']);
    assert.equal('passphrase' in (plan.config.http.tls ?? {}), false);
  });

  test('makes and ends no listener', () => {
    const [without, withTls] = [config(), config({ http: { tls } })];
    for (const [one, other] of [
      [without, withTls],
      [withTls, without],
    ] as const) {
      const plan = planReload(one, other);
      assert.deepEqual([plan.changed, plan.needRestart], [[], ['http.tls']]);
      assert.deepEqual(plan.config, one);
    }
  });

  test('names a list of another length, and the entries of one that is as long', () => {
    const token = (name: string) => ({ name, hash: `sha256:${name.repeat(43)}` });
    const one = config({ auth: { tokens: [token('a'), token('b')] } });
    const longer = config({ auth: { tokens: [token('a'), token('b'), token('c')] } });
    const other = config({ auth: { tokens: [token('a'), token('c')] } });
    assert.deepEqual(planReload(one, longer).changed, ['auth.tokens']);
    assert.deepEqual(planReload(one, other).changed, ['auth.tokens.1.name', 'auth.tokens.1.hash']);
  });

  test('has every file and every secret, but for what is told', () => {
    const reloadable = reloadableKeys().map(({ name }) => name);
    const left = credentials(describeSchema(configSchema)).filter(
      (key) => !reloadable.some((one) => key === one || key.startsWith(`${one}.`)),
    );
    // The engine of HTTP/3 cannot exchange its certificate.
    const http3 = ['certFile', 'keyFile', 'passphrase'].map((key) => `transports.http3.tls.${key}`);
    assert.deepEqual(left, http3);
  });

  test('changes single users and credentials of transports', () => {
    const transports = (password: string, passphrase: string) => ({
      rtmp: { users: [{ name: 'ann', password }] },
      srt: { passphrase, port: 1 },
    });
    const one = config({ transports: transports('first', 'a passphrase') });
    const plan = planReload(one, config({ transports: transports('second', 'another one') }));
    assert.deepEqual(plan.changed, [
      'transports.rtmp.users.0.password',
      'transports.srt.passphrase',
    ]);
    assert.deepEqual(plan.needRestart, []);
  });
});

/** Keys that are marked as secret, or name a file that is read. */
function credentials(node: SchemaNode, path = ''): string[] {
  const entry = variant(node, 'array')?.items;
  if (node.secret || entry?.secret || (node.path && path.endsWith('File'))) return [path];
  const map = variant(node, 'object') ?? (entry && variant(entry, 'object'));
  return Object.entries(map?.properties ?? {}).flatMap(([key, child]) =>
    credentials(child, path === '' ? key : `${path}.${key}`),
  );
}

describe('places in messages', () => {
  const places = { http: 'a.yaml:1', 'http.tls': 'a.yaml:3', 'http.tls.certFile': 'a.yaml:4' };

  test('stand before the keys', () => {
    assert.equal(withPlaces('it: http.tls: gone', places), 'it: a.yaml:3: http.tls: gone');
    assert.equal(
      withPlaces('http.tls.certFile: x; http.host: y', places),
      'a.yaml:4: http.tls.certFile: x; a.yaml:1: http.host: y',
    );
  });

  test('are not invented', () => {
    for (const text of ['limits.maxBodyBytes: x', 'no key', 'http.tls', 'a.yaml:2: http.tls: x']) {
      const kept = withPlaces(text, text.startsWith('a.') ? {} : places);
      assert.equal(kept, text);
    }
    assert.equal(withPlaces('http.tls: x'), 'http.tls: x');
    assert.equal(withPlaces('constructor.name: x', {}), 'constructor.name: x');
  });
});
