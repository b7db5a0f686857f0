import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { createToken } from '../../../src/admission/index.js';
import { authority, certify, type Pair } from '../../support/authority.js';
import { prepareRoutes } from '../../support/tcp-routes.js';
import { TestServer } from '../../support/test-server.js';
import { connectTls, TlsFolder } from '../../support/tls.js';
import { until } from '../../support/until.js';
import { statsOf } from './support.js';

const TIMEOUT = { timeout: 60_000 };
const token = createToken();

let folder: TlsFolder;
let camera: Pair;
let stranger: Pair;
let server: TestServer;

before(async () => {
  prepareRoutes();
  folder = await TlsFolder.create();
  camera = await folder.client('camera');
  stranger = await certify(await authority(), 'camera');
  server = await TestServer.start({
    auth: {
      tokens: [{ name: 'good', hash: token.hash }],
      certificates: [{ name: 'cameras', subject: 'CN=camera' }],
    },
    transports: {
      tcp: {
        ...{ enabled: true, plain: false, tokenLine: 'without-certificate' },
        answers: 'head-and-body',
        tls: folder.listener,
      },
    },
  });
});
after(async () => {
  await server?.stop();
  folder.remove();
});

/** Status of the answer. */
async function ask(pair: Pair | object, text: string): Promise<number> {
  const socket = await connectTls(server.port('tls'), pair);
  let seen = '';
  socket.on('data', (chunk) => {
    seen += chunk;
  });
  socket.end(text);
  await once(socket, 'close');
  return JSON.parse(seen.split('\n')[0] ?? '').status;
}

test('a certificate stands for a token line, and only one that was verified', TIMEOUT, async () => {
  assert.equal(await ask(camera, 'body'), 200);
  assert.equal(await ask(stranger, 'body'), 400);
  assert.equal(await ask({}, 'body'), 400);
  assert.equal(await ask(stranger, `TOKEN ${token.token}\nbody`), 200);
  assert.equal(await ask({}, 'TOKEN wrong\nbody'), 401);
});

test('what does not speak TLS is closed', TIMEOUT, async () => {
  const { RawClient } = await import('../../support/raw-client.js');
  const garbage = await RawClient.connect(server.port('tls'));
  garbage.send('TOKEN x\nbody, and more than a record of TLS has as a head');
  await garbage.ending();
  garbage.destroy();
  await until(() => statsOf(server).connections === 0, 'its end');
  const { tls } = server.config.transports?.tcp ?? {};
  const tcp = { enabled: true, port: 0, plain: false, firstBytesTimeoutMs: 300, tls };
  const strict = await TestServer.start({ workers: 0, transports: { tcp } });
  try {
    const silent = await RawClient.connect(strict.port('tls'));
    await silent.ending();
    silent.destroy();
    await until(() => statsOf(strict).connections === 0, 'the end of the silent one');
  } finally {
    await strict.stop();
  }
});

test('who leaves within the handshake does not keep its connection', TIMEOUT, async () => {
  const { RawClient } = await import('../../support/raw-client.js');
  const { tls } = server.config.transports?.tcp ?? {};
  // Longer than the test may take.
  const tcp = { enabled: true, port: 0, plain: false, firstBytesTimeoutMs: 600_000, tls };
  const patient = await TestServer.start({ workers: 0, transports: { tcp } });
  try {
    for (const begin of ['', '\x16\x03\x01\x02\x00\x01']) {
      const client = await RawClient.connect(patient.port('tls'));
      if (begin !== '') client.send(Buffer.from(begin, 'latin1'));
      client.finish();
      await client.ending();
      client.destroy();
    }
  } finally {
    await patient.stop();
  }
});

test('certificate rules need a listener that asks for certificates', TIMEOUT, async () => {
  await assert.rejects(
    TestServer.start({ auth: { certificates: [{ name: 'one', subject: 'CN=x' }] } }),
    /transports\.tcp\.tls/,
  );
});
