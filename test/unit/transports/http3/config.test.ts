import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configSchema } from '../../../../src/config/schema.js';
import { isEnabled } from '../../../../src/transports/http3/is-enabled.js';

const tls = { certFile: 'c', keyFile: 'k' };

function issues(config: object): string[] {
  const { error } = configSchema.safeParse(config);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('the configuration of HTTP/3', () => {
  test('is off unless it is turned on or has a certificate of its own', () => {
    const enabled = (http3: object, http: object = {}) =>
      isEnabled(configSchema.parse({ http, transports: { http3 } }).transports.http3);
    assert.equal(enabled({}), false);
    assert.equal(enabled({}, { tls }), false);
    assert.equal(enabled({ tls }), true);
    assert.equal(enabled({ enabled: false, tls }), false);
    assert.equal(enabled({ enabled: true }, { tls }), true);
  });

  test('needs a certificate, and budgets that fit', () => {
    assert.match(issues({ transports: { http3: { enabled: true } } })[0] ?? '', /http3\.tls/);
    const budgets = { enabled: true, tls, streamBudgetBytes: 2 ** 21, budgetBytes: 2 ** 20 };
    assert.match(issues({ transports: { http3: budgets } })[0] ?? '', /streamBudgetBytes/);
  });

  test('is refused where TLS requires certificates of clients', () => {
    const http = {
      tls: { ...tls, clientCaFile: 'ca', clientCertificates: 'required' },
    };
    const found = issues({ http, transports: { http3: { enabled: true } } });
    assert.match(found[0] ?? '', /http3\.enabled: .*certificate/);
    assert.deepEqual(issues({ http, transports: { http3: {} } }), []);
  });

  test('may listen on every address without authentication: others are sent away', () => {
    const http3 = { enabled: true, tls, host: '0.0.0.0' };
    assert.deepEqual(issues({ transports: { http3 } }), []);
    assert.match(issues({ http: { host: '0.0.0.0' } })[0] ?? '', /http\.host/);
  });
});
