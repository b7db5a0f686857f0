// Another configuration for a server that runs, with connections that stay.

import assert from 'node:assert/strict';
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createToken } from '../../../src/admission/index.js';
import type { ServerConfig } from '../../../src/server.js';
import { RawClient } from '../../support/raw-client.js';
import { certificate, TestServer, type TestServerOptions } from '../../support/test-server.js';
import { fingerprintAt } from '../../support/tls.js';
import { ask, scrape } from './support.js';

async function withServer(
  options: TestServerOptions,
  run: (server: TestServer) => Promise<void>,
): Promise<void> {
  const server = await TestServer.start(options);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

/** Takes over the first configuration with these sections instead. */
function reload(server: TestServer, more: ServerConfig = {}) {
  return server.server.reload(() => ({ config: { ...server.config, ...more } }));
}

const fingerprint = (server: TestServer) => fingerprintAt(server.port('https', 'http1'));

const send = (server: TestServer, token?: string, bytes = 1) =>
  ask(server.url('/upload/hash'), {
    method: 'POST',
    body: Buffer.alloc(bytes),
    ...(token && { headers: { authorization: `Bearer ${token}` } }),
  });

describe('certificates', () => {
  test('are new for new connections, while an upload goes on', () =>
    withServer({}, async (server) => {
      const client = await RawClient.connect(server.port('https'), 'https');
      client.head('POST /upload/overlap', 'transfer-encoding: chunked');
      await client.sees('first');
      const before = await fingerprint(server);
      const expires = server.server.stats().certificateExpiresAt as number;
      await certificate(dirname(server.file('cert.pem')));
      assert.equal(await fingerprint(server), before);
      const { changed, certificates } = await reload(server);
      assert.deepEqual([changed, certificates], [[], ['http.tls']]);
      assert.deepEqual((await reload(server)).certificates, []);
      const after = await fingerprint(server);
      assert.notEqual(after, before);
      assert.ok((server.server.stats().certificateExpiresAt as number) >= expires);
      client.chunk('the rest');
      client.send('0\r\n\r\n');
      assert.match((await client.response()).body.toString(), /^first\n8 /);
      client.destroy();
    }));

  test('that are not what they should be change nothing', () =>
    withServer({ workers: 0 }, async (server) => {
      const before = await fingerprint(server);
      const key = server.file('key.pem');
      copyFileSync(key, server.file('old.pem'));
      await certificate(dirname(key));
      // The new certificate with the old key, no key, and no file.
      copyFileSync(server.file('old.pem'), key);
      const wrong = { code: 'INVALID_CONFIG', message: /http\.tls: .*key/i };
      await assert.rejects(reload(server), wrong);
      writeFileSync(key, 'no key');
      await assert.rejects(reload(server), { code: 'INVALID_CONFIG', message: /http\.tls: / });
      rmSync(key);
      await assert.rejects(reload(server), { code: 'INVALID_CONFIG', message: /ENOENT/ });
      assert.equal(await fingerprint(server), before);
      const one = await scrape(server);
      const reloads = (result: string) =>
        one.value('uploadresponse_config_reloads_total', { result });
      assert.deepEqual([reloads('done'), reloads('refused')], [0, 3]);
      const last = server.log.at(-1) as string;
      assert.match(last, /^configuration refused, the old one stays \{.*INVALID_CONFIG/);
    }));

  test('may be of other authorities: clients are asked for others', () => {
    const asked = { clientCertificates: 'optional' } as const;
    return withServer({ workers: 0 }, async (server) => {
      const tls = server.config.http?.tls as NonNullable<NonNullable<ServerConfig['http']>['tls']>;
      const wanted = { ...tls, clientCaFile: server.file('cert.pem'), ...asked };
      const report = await reload(server, { http: { ...server.config.http, tls: wanted } });
      assert.deepEqual(report.changed, ['http.tls.clientCaFile']);
      assert.deepEqual(report.needRestart, ['http.tls.clientCertificates']);
    });
  });
});

describe('callers', () => {
  const [one, other] = [createToken(), createToken()];
  const tokens = (hash: string) => ({ tokens: [{ name: 'sender', hash }] });

  test('are others from then on; who is in stays', () =>
    withServer({ auth: tokens(one.hash) }, async (server) => {
      const client = await RawClient.connect(server.port());
      const bearer = `authorization: Bearer ${one.token}`;
      client.head('POST /upload/overlap', 'transfer-encoding: chunked', bearer);
      await client.sees('first');
      assert.equal((await send(server, other.token)).status, 401);
      const { changed } = await reload(server, { auth: tokens(other.hash) });
      assert.deepEqual(changed, ['auth.tokens.0.hash']);
      assert.equal((await send(server, other.token)).status, 200);
      assert.equal((await send(server, one.token)).status, 401);
      client.chunk('the rest');
      client.send('0\r\n\r\n');
      assert.match((await client.response()).body.toString(), /^first\n8 /);
      client.destroy();
    }));

  test('have another key set when its file has changed', () =>
    withServer({}, async (server) => {
      const file = server.file('keys.json');
      const issue = async () => {
        const { publicKey, privateKey } = await generateKeyPair('ES256');
        writeFileSync(file, JSON.stringify({ keys: [await exportJWK(publicKey)] }));
        return new SignJWT({ permissions: [{ action: 'publish' }] })
          .setProtectedHeader({ alg: 'ES256' })
          .setIssuer('me')
          .setAudience('you')
          .setExpirationTime('1h')
          .sign(privateKey);
      };
      const first = await issue();
      const auth = { jwt: { jwksFile: file, issuer: 'me', audience: 'you' } };
      await reload(server, { auth });
      assert.equal((await send(server, first)).status, 200);
      const second = await issue();
      assert.deepEqual((await reload(server, { auth })).changed, []);
      assert.equal((await send(server, second)).status, 200);
      // Also what was verified and remembered counts no more.
      assert.equal((await send(server, first)).status, 401);
      writeFileSync(file, 'no keys');
      const wrong = { code: 'INVALID_CONFIG', message: /auth\.jwt\.jwksFile: / };
      await assert.rejects(reload(server, { auth }), wrong);
      assert.equal((await send(server, second)).status, 200);
    }));

  test('cannot become everybody while everybody can connect', () => {
    const http = { host: '0.0.0.0', port: 0 };
    return withServer({ workers: 0, http, auth: tokens(one.hash) }, async (server) => {
      // On loopback it would be fine, after a restart.
      const loopback = { http: { ...http, host: '127.0.0.1' }, auth: {} };
      await assert.rejects(reload(server, loopback), (error: Error & { code: string }) => {
        assert.equal(error.code, 'INVALID_CONFIG');
        assert.match(error.message, /beside what changes only with a restart/);
        assert.match(error.message, /http\.host: 0\.0\.0\.0 is no loopback address/);
        return true;
      });
      assert.equal((await send(server)).status, 401);
    });
  });
});

describe('limits', () => {
  test('count for the next stream', () =>
    withServer({ limits: { maxBodyBytes: 1000 } }, async (server) => {
      const client = await RawClient.connect(server.port());
      client.head('POST /upload/hash', 'transfer-encoding: chunked');
      await server.worker.report('reading');
      const { changed } = await reload(server, {
        limits: { ...server.config.limits, maxBodyBytes: 10 },
      });
      assert.deepEqual(changed, ['limits.maxBodyBytes']);
      assert.equal((await send(server, undefined, 11)).status, 413);
      client.chunk(Buffer.alloc(1000));
      client.send('0\r\n\r\n');
      assert.equal((await client.response()).status, 200);
      client.destroy();
    }));

  test('of peers count what is under way already', () =>
    withServer({ limits: { maxStreamsPerPeer: 3 } }, async (server) => {
      const client = await RawClient.connect(server.port());
      client.head('POST /upload/silent', 'content-length: 1');
      await server.worker.report('reading');
      await reload(server, { limits: { maxStreamsPerPeer: 1 } });
      const refused = await send(server);
      assert.deepEqual([refused.status, refused.body.error], [429, 'TOO_MANY_STREAMS']);
      await reload(server, { limits: { maxStreamsPerPeer: 2 } });
      assert.equal((await send(server)).status, 200);
      client.destroy();
      await server.free();
      await reload(server, { limits: { maxStreamsPerPeer: 1 } });
      assert.equal((await send(server)).status, 200);
    }));

  test('of connections count for the listeners that there are', () =>
    withServer({ workers: 0 }, async (server) => {
      const http = { ...server.config.http, maxConnections: 1 };
      const first = await RawClient.connect(server.port());
      first.head('POST /elsewhere', 'content-length: 0');
      assert.equal((await first.response()).status, 404);
      assert.deepEqual((await reload(server, { http })).changed, ['http.maxConnections']);
      const second = await RawClient.connect(server.port());
      await second.ending();
      await reload(server);
      const third = await RawClient.connect(server.port());
      third.head('POST /elsewhere', 'content-length: 0');
      assert.equal((await third.response()).status, 404);
      for (const one of [first, third]) one.destroy();
    }));
});

describe('what needs a restart', () => {
  test('is named by its keys, and keeps its value', () =>
    withServer({}, async (server) => {
      const pools = [{ name: 'uploads', streams: 9, requestSlots: 8, responseSlots: 4 }];
      const report = await reload(server, {
        segment: { ...server.config.segment, pools, maxWorkers: 17 },
        http: { ...server.config.http, prefix: '/other', keepAliveTimeoutMs: 1 },
        limits: { ...server.config.limits, maxBodyBytes: 5 },
      });
      assert.deepEqual(report.changed, ['limits.maxBodyBytes']);
      assert.deepEqual([...report.needRestart].sort(), [
        ...['http.keepAliveTimeoutMs', 'http.prefix'],
        ...['segment.maxWorkers', 'segment.pools.0.streams'],
      ]);
      assert.equal(report.config.http.prefix, '/upload');
      assert.equal(report.config.limits.maxBodyBytes, 5);
      assert.equal((await send(server, undefined, 5)).status, 200);
      const lines = server.log.slice(-10).join('\n');
      assert.match(lines, /changes only with a restart \{"keys":\[[^\]]*"segment\.maxWorkers"/);
    }));

  test('may come with what is wrong: then nothing changes', () =>
    withServer({}, async (server) => {
      const bad = { limits: { maxBodyBytes: -1 } };
      await assert.rejects(reload(server, bad), {
        code: 'INVALID_CONFIG',
        message: /limits\.maxBodyBytes/,
      });
      const failing = server.server.reload(() => Promise.reject(new Error('cannot be read')));
      await assert.rejects(failing, /cannot be read/);
      assert.equal((await send(server, undefined, 500)).status, 200);
    }));

  test('places are told with the keys', () =>
    withServer({ workers: 0 }, async (server) => {
      const tls = { certFile: '/nowhere', keyFile: '/nowhere' };
      const config = {
        ...server.config,
        http: { ...server.config.http, tls: { port: 0, ...tls } },
      };
      const places = { http: 'server.yaml:1', 'http.tls': 'server.yaml:4' };
      await assert.rejects(
        server.server.reload(() => ({ config, places })),
        /server\.yaml:4: http\.tls: ENOENT/,
      );
    }));
});
