import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { authority, certify, type Pair } from '../../support/authority.js';
import { RtmpServer } from '../../support/rtmp.js';
import { RtmpClient } from '../../support/rtmp-client.js';
import { TlsFolder } from '../../support/tls.js';
import { until } from '../../support/until.js';

const TIMEOUT = { timeout: 120_000 };

let folder: TlsFolder;
let camera: Pair;
let stranger: Pair;
let server: RtmpServer;

before(async () => {
  folder = await TlsFolder.create();
  camera = await folder.client('camera');
  stranger = await certify(await authority(), 'camera');
  const tls = folder.listener;
  const certificates = [{ name: 'cameras', subject: 'CN=camera' }];
  server = await RtmpServer.start({ plain: false, tls }, { auth: { certificates } });
});
after(async () => {
  await server?.stop();
  folder.remove();
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
