import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { authority, certify, type Pair } from '../../support/authority.js';
import { RtmpServer } from '../../support/rtmp.js';
import { RtmpClient } from '../../support/rtmp-client.js';
import { until } from '../../support/until.js';

const TIMEOUT = { timeout: 120_000 };
const folder = mkdtempSync(join(tmpdir(), 'ur-rtmps-'));

let camera: Pair;
let stranger: Pair;
let server: RtmpServer;

before(async () => {
  const ours = await authority();
  camera = await certify(ours, 'camera');
  stranger = await certify(await authority(), 'camera');
  const own = await certify(ours, 'localhost');
  const file = (name: string, content: string) => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const tls = {
    ...{ port: 0, certFile: file('cert.pem', own.cert), keyFile: file('key.pem', own.key) },
    ...{ clientCaFile: file('ca.pem', ours.cert), clientCertificates: 'optional' as const },
  };
  const certificates = [{ name: 'cameras', subject: 'CN=camera' }];
  server = await RtmpServer.start({ plain: false, tls }, { auth: { certificates } });
});
after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
});

const statusOf = async (pair: Pair | true) => {
  const client = await RtmpClient.publish(server.port('rtmps'), 'key', 'live', pair);
  const code = (await client.status())?.code;
  client.socket.destroy();
  await until(() => server.stats.connections === 0, 'the connection to be closed');
  return code;
};

test('a client is let in by its certificate', TIMEOUT, async () => {
  assert.equal(await statusOf(camera), 'NetStream.Publish.Start');
  assert.equal(await statusOf(stranger), 'NetStream.Publish.Unauthorized');
  assert.equal(await statusOf(true), 'NetStream.Publish.Unauthorized');
});

test('what is no TLS is closed', TIMEOUT, async () => {
  const files = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 20; i++) {
    const socket = connect(server.port('rtmps'), '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await once(socket, 'close');
  }
  await until(() => readdirSync('/proc/self/fd').length <= files, 'every descriptor to be closed');
});
