import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { after, test } from 'node:test';
import { createServer, type ServerConfig } from '../../../src/server.js';
import { TestServer } from '../../support/test-server.js';
import { endAll, run, TestServer as ServeProcess, temporaryFolder } from '../cli/support.js';
import { verdict } from './support.js';

const folder = temporaryFolder();
after(async () => {
  await endAll();
  folder.remove();
});

test('without authentication only this machine can connect, and the log says so', async () => {
  const server = await TestServer.start();
  try {
    const hosts = server.server.addresses.map(({ host }) => host);
    assert.deepEqual([...new Set(hosts)], ['127.0.0.1']);
    assert.ok(server.log.some((line) => line.startsWith('no authentication is configured')));
    assert.equal(await verdict(server), '200');
  } finally {
    await server.stop();
  }
});

test('an address that others can reach is refused, whichever key names it', async () => {
  const tls = { certFile: 'cert.pem', keyFile: 'key.pem' };
  const configs: ServerConfig[] = [
    { http: { host: '0.0.0.0' } },
    { http: { host: '::' } },
    { http: { host: '192.0.2.1' } },
    { http: { host: 'example.com' } },
    { http: { tls: { ...tls, host: '0.0.0.0' } } },
    { http: { h2c: { host: '0.0.0.0' } } },
    { http: { host: '0.0.0.0', plain: false, tls } },
  ];
  for (const config of configs) {
    const socket = `${folder.path}/refused.sock`;
    await assert.rejects(
      createServer({ ...config, segment: { socket } }),
      ({ code, message }: Error & { code: string }) =>
        code === 'INVALID_CONFIG' &&
        /no loopback address.*auth\.anonymous: \[publish\]/.test(message),
    );
  }
});

test('serve says which key it is and what can be done', async () => {
  const socket = `${folder.path}/serve.sock`;
  const { code, stderr } = await run(['serve', '--host', '0.0.0.0', '--socket', socket]);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /--host: http\.host: 0\.0\.0\.0 is no loopback address/);
  assert.match(stderr, /configure auth, listen on 127\.0\.0\.1, or say with auth\.anonymous/);
});

test('it listens there when the configuration says that everybody may upload', async () => {
  const anonymous = ['--host', '0.0.0.0', '--set', 'auth.anonymous=publish'];
  const server = await ServeProcess.start(folder.path, anonymous);
  const port = server.listening.addresses[0]?.port;
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
  const answer = await fetch(`http://${outside ?? '127.0.0.1'}:${port}/elsewhere`);
  assert.equal(answer.status, 404);
  assert.equal(await server.stop(), 0);
});
