// Another configuration for transports that run.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ServerConfig } from '../../../src/server.js';
import { authority, certify, type Pair } from '../../support/authority.js';
import { RtmpServer, withRtmpServer } from '../../support/rtmp.js';
import { RtmpClient } from '../../support/rtmp-client.js';
import { certificate, TestServer } from '../../support/test-server.js';
import { fingerprintAt, TlsFolder } from '../../support/tls.js';
import { until } from '../../support/until.js';
import { scrape } from './support.js';

const TIMEOUT = { timeout: 120_000 };

let tls: TlsFolder;
let camera: Pair;
before(async () => {
  tls = await TlsFolder.create();
  camera = await tls.client('camera');
});
after(() => tls.remove());

type Transports = NonNullable<ServerConfig['transports']>;
type Rtmp = Partial<NonNullable<Transports['rtmp']>>;

/** Takes over the first configuration with these sections instead. */
function reload(server: TestServer, more: ServerConfig = {}) {
  return server.server.reload(() => ({ config: { ...server.config, ...more } }));
}

const withRtmp = ({ server }: RtmpServer, rtmp: Rtmp) =>
  reload(server, {
    transports: { rtmp: { ...server.config.transports?.rtmp, ...rtmp } as Rtmp as never },
  });

describe('authorities of clients', { timeout: 120_000 }, () => {
  const certificates = [{ name: 'cameras', subject: 'CN=camera' }];

  test('are others: who was let in goes on, and cannot come again', async () => {
    const options = { auth: { certificates } };
    const server = await RtmpServer.start({ plain: false, tls: tls.listener }, options);
    try {
      const publish = async (pair: Pair, key: string) => {
        const client = await RtmpClient.publish(server.port('rtmps'), key, 'live', pair);
        return { client, code: (await client.status())?.code };
      };
      const theirs = await authority();
      const theirCamera = await certify(theirs, 'camera');
      const first = await publish(camera, 'one');
      assert.equal(first.code, 'NetStream.Publish.Start');
      first.client.config();
      first.client.frame(0, true, Buffer.alloc(20, 0x65));
      await server.report('units');

      tls.write(tls.clientCaFile, 'no certificate');
      await assert.rejects(reload(server.server), {
        code: 'INVALID_CONFIG',
        message: /transports\.rtmp\.tls: .*ca\.pem holds no certificate/,
      });
      const again = await publish(camera, 'two');
      assert.equal(again.code, 'NetStream.Publish.Start');
      again.client.socket.destroy();

      tls.write(tls.clientCaFile, theirs.cert);
      const { certificates: changed } = await reload(server.server);
      assert.deepEqual(changed, ['transports.rtmp.tls']);
      const codes = [await publish(camera, 'two'), await publish(theirCamera, 'three')];
      assert.deepEqual(
        codes.map(({ code }) => code),
        ['NetStream.Publish.Unauthorized', 'NetStream.Publish.Start'],
      );
      for (const { client } of codes) client.socket.destroy();

      first.client.frame(40, false, Buffer.alloc(20, 0x41));
      first.client.command(0, 'deleteStream', 7, null, 1);
      assert.equal((await first.client.status(1))?.code, 'NetStream.Unpublish.Success');
      const bodies = () => server.reports.filter(({ event }) => event === 'body');
      await until(() => bodies().some(({ units }) => units.length === 2), 'both units');
      first.client.socket.destroy();
    } finally {
      await server.stop();
    }
  });
});

describe('users of RTMP', () => {
  const connect = async (server: RtmpServer, user: string, pass: string) => {
    const client = await RtmpClient.connect(server.port());
    await client.shakeHands();
    client.command(0, 'connect', 1, { app: `live?user=${user}&pass=${pass}`, tcUrl: 'rtmp://x' });
    const find = () => client.commands().find(([, transaction]) => transaction === 1)?.[0];
    await until(() => find() !== undefined || client.closed, 'the answer to connect');
    client.socket.destroy();
    return find();
  };

  test('are others for new connections, or nobody', TIMEOUT, () =>
    withRtmpServer(
      async (server) => {
        assert.equal(await connect(server, 'ann', 'first'), '_result');
        const { changed } = await withRtmp(server, {
          users: [{ name: 'ann', password: 'second' }],
        });
        assert.deepEqual(changed, ['transports.rtmp.users.0.password']);
        assert.equal(await connect(server, 'ann', 'first'), '_error');
        assert.equal(await connect(server, 'ann', 'second'), '_result');
        await withRtmp(server, { users: [] });
        assert.equal(await connect(server, 'eve', 'anything'), '_result');
        await withRtmp(server, { users: [{ name: 'bob', password: 'third' }] });
        assert.equal(await connect(server, 'ann', 'second'), '_error');
        assert.equal(await connect(server, 'bob', 'third'), '_result');
        const log = server.server.log.join('\n');
        for (const secret of ['second', 'third']) assert.ok(!log.includes(secret));
      },
      { users: [{ name: 'ann', password: 'first' }] },
    ),
  );
});

test('connections of RTMP are counted anew', TIMEOUT, () =>
  withRtmpServer(async (server) => {
    const first = await RtmpClient.connect(server.port());
    await first.shakeHands();
    await withRtmp(server, { maxConnections: 1 });
    const second = await RtmpClient.connect(server.port());
    await second.end();
    await withRtmp(server, { maxConnections: 2 });
    const third = await RtmpClient.connect(server.port());
    await third.shakeHands();
    for (const { socket } of [first, third]) socket.destroy();
  }),
);

test('HTTP/3 keeps its certificate, and the report says so', TIMEOUT, async () => {
  const server = await TestServer.start({
    workers: 0,
    transports: { http3: { enabled: true, port: 0 }, tcp: { enabled: true, port: 0 } },
  });
  try {
    assert.deepEqual((await reload(server)).needRestart, []);
    const before = await fingerprintAt(server.port('https', 'http1'));
    await certificate(server.file('.'));
    const { needRestart, certificates } = await reload(server);
    assert.deepEqual([needRestart, certificates], [['transports.http3.tls'], ['http.tls']]);
    assert.notEqual(await fingerprintAt(server.port('https', 'http1')), before);
    const notices = server.log.filter((line) => /changes only with a restart/.test(line));
    assert.match(notices.at(-1) ?? '', /"transports\.http3\.tls"/);
    // Until it happens.
    assert.deepEqual((await reload(server)).needRestart, ['transports.http3.tls']);
    const metrics = await scrape(server);
    const expiries = metrics.all('uploadresponse_certificate_expiry_time_seconds');
    const sections = expiries.map(({ labels }) => labels.section);
    assert.deepEqual(sections, ['http.tls', 'transports.http3.tls']);
  } finally {
    await server.stop();
  }
});
