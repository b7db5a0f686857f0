// Where WebRTC cannot be served, everything else is, and it is said why.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Events, endAll, endOf, run, start, temporaryFolder } from '../cli/support.js';

const TIMEOUT = { timeout: 60_000 };
const folder = temporaryFolder();
/** Looked for with this, the engine is not there. */
const hide = join(folder.path, 'hide.cjs');
writeFileSync(
  hide,
  `const Module = require('node:module');
  const resolve = Module._resolveFilename;
  Module._resolveFilename = function (name, ...rest) {
    if (name !== 'node-datachannel') return resolve.call(this, name, ...rest);
    throw Object.assign(new Error('hidden'), { code: 'MODULE_NOT_FOUND' });
  };`,
);
const env = { NODE_OPTIONS: `--require ${hide}`, XDG_CACHE_HOME: folder.path };
const ENABLED = ['--transports.webrtc.enabled', 'true'];

after(async () => {
  await endAll();
  folder.remove();
});

test('a server without the engine serves the rest, and logs why', TIMEOUT, async () => {
  const socket = join(folder.path, 'without.sock');
  const args = ['serve', '--dev', '--json', '--port', '0', '--segment.socket', socket];
  const child = start([...args, '--http.tls.port', '0', ...ENABLED], { env });
  const events = new Events(child);
  let log = '';
  child.stderr?.on('data', (chunk) => {
    log += chunk;
  });
  const { addresses } = (await events.next('listening')) as unknown as {
    addresses: { transport: string; url: string }[];
  };
  assert.ok(addresses.every(({ transport }) => transport !== 'webrtc'));
  const response = await fetch(addresses[0]?.url ?? '', { method: 'POST', body: 'x' });
  assert.equal(response.status, 200);
  await response.text();
  child.kill('SIGTERM');
  await endOf(child);
  assert.match(log, /WebRTC is off: .*node-datachannel is not installed/);
});

test('a server with it says where WHIP is, and ends', TIMEOUT, async () => {
  const socket = join(folder.path, 'with.sock');
  const args = ['serve', '--dev', '--json', '--port', '0', '--segment.socket', socket];
  const child = start([...args, '--http.tls.port', '0', ...ENABLED], {
    env: { XDG_CACHE_HOME: folder.path },
  });
  const events = new Events(child);
  const { addresses } = (await events.next('listening')) as unknown as {
    addresses: { transport: string; url: string }[];
  };
  const whip = addresses.find(({ transport }) => transport === 'webrtc');
  assert.match(whip?.url ?? '', /\/whip$/);
  child.kill('SIGTERM');
  await endOf(child);
});

test('doctor says why, and that it matters only where it is wanted', TIMEOUT, async () => {
  const check = async (args: readonly string[], more: NodeJS.ProcessEnv) => {
    const options = { env: { XDG_CACHE_HOME: folder.path, ...more }, cwd: folder.path };
    const { stdout } = await run(['doctor', '--json', ...args], options);
    const { checks } = JSON.parse(stdout) as { checks: Record<string, string>[] };
    return checks.find(({ id }) => id === 'webrtc');
  };
  const warned = await check(ENABLED, env);
  assert.equal(warned?.status, 'warn');
  assert.match(warned?.detail ?? '', /not installed.*WEBRTC_UNAVAILABLE/);
  assert.match(warned?.remedy ?? '', /npm install/);
  assert.equal((await check([], env))?.status, 'ok');
  assert.equal((await check(ENABLED, {}))?.detail, 'WebRTC: its engine loads');
  const several = await check([...ENABLED, '--server.processes', '2'], {});
  assert.match(several?.detail ?? '', /server\.processes is more than 1/);
});
