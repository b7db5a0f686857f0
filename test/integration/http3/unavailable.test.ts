// Where HTTP/3 cannot be served, everything else is, and it is said why.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TestServer } from '../../support/test-server.js';
import { Events, endAll, endOf, run, start, temporaryFolder } from '../cli/support.js';

const TIMEOUT = { timeout: 240_000 };
const folder = temporaryFolder();
/** The engine's loader takes this file in place of its binary; it is none. */
const broken = join(folder.path, 'broken.node');
writeFileSync(broken, 'no binary');
const env = { NAPI_RS_NATIVE_LIBRARY_PATH: broken, XDG_CACHE_HOME: folder.path };

after(async () => {
  await endAll();
  folder.remove();
});

test('a server whose engine does not load serves the rest, and logs why', TIMEOUT, async () => {
  const socket = join(folder.path, 'broken.sock');
  const args = ['serve', '--dev', '--json', '--port', '0', '--segment.socket', socket];
  const child = start([...args, '--http.tls.port', '0'], { env });
  const events = new Events(child);
  let log = '';
  child.stderr?.on('data', (chunk) => {
    log += chunk;
  });
  const { addresses } = (await events.next('listening')) as unknown as {
    addresses: { transport: string; url: string }[];
  };
  assert.deepEqual(
    addresses.filter(({ transport }) => transport === 'http3'),
    [],
  );
  const response = await fetch(addresses[0]?.url ?? '', { method: 'POST', body: 'x' });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('alt-svc'), null);
  await response.text();
  child.kill('SIGTERM');
  await endOf(child);
  const warning = log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .find(({ code }) => code === 'QUIC_UNAVAILABLE');
  assert.equal(warning?.level, 40);
  assert.match(warning.msg, /HTTP\/3 is off: .*does not load/);
  assert.match(warning.remedy, /npm install/);
});

test('doctor says why, and that it matters only where it is wanted', TIMEOUT, async () => {
  const check = async (args: readonly string[], more: NodeJS.ProcessEnv) => {
    const options = { env: { ...env, ...more }, cwd: folder.path };
    const { stdout } = await run(['doctor', '--json', ...args], options);
    const { checks } = JSON.parse(stdout) as { checks: Record<string, string>[] };
    return checks.find(({ id }) => id === 'http3');
  };
  const wanted = ['--transports.http3.enabled', 'true', '--transports.http3.tls.cert-file', 'c'];
  const keyed = [...wanted, '--transports.http3.tls.key-file', 'k'];
  const warned = await check(keyed, {});
  assert.equal(warned?.status, 'warn');
  assert.match(warned?.detail ?? '', /does not load.*QUIC_UNAVAILABLE/);
  assert.match(warned?.remedy ?? '', /npm install/);
  assert.equal((await check([], {}))?.status, 'ok');
  const loads = await check(keyed, { NAPI_RS_NATIVE_LIBRARY_PATH: undefined });
  assert.deepEqual([loads?.status, loads?.detail], ['ok', 'HTTP/3: its engine loads']);
});

test('it is off with several server processes', TIMEOUT, async () => {
  const socket = join(folder.path, 'several.sock');
  const args = ['serve', '--dev', '--json', '--port', '0', '--segment.socket', socket];
  const child = start([...args, '--http.tls.port', '0', '--processes', '2'], {
    env: { XDG_CACHE_HOME: folder.path },
  });
  let log = '';
  child.stderr?.on('data', (chunk) => {
    log += chunk;
  });
  const events = new Events(child);
  await events.next('listening');
  child.kill('SIGTERM');
  await endOf(child);
  assert.match(log, /HTTP\/3 is off: .*server\.processes is more than 1/);
});

test('a port that is taken is an error, and leaves nothing bound', TIMEOUT, async () => {
  const { createSocket } = await import('node:dgram');
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  try {
    const { port } = socket.address();
    const transports = { http3: { enabled: true, port } };
    await assert.rejects(TestServer.start({ transports }), {
      code: 'LISTEN_FAILED',
      message: /transports\.http3: .*EADDRINUSE/,
    });
  } finally {
    socket.close();
  }
});
