import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import { createToken } from '../../../src/admission/index.js';
import { authority, certify, type Pair } from '../../support/authority.js';
import { runProgram, testWith } from '../../support/program.js';
import { TestServer, type TestServerOptions } from '../../support/test-server.js';
import { within } from '../../support/until.js';
import { ask, bearer, verdict } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'ur-mtls-'));
const token = createToken();

const organization = 'Example';

let camera: Pair;
let office: Pair;
let stranger: Pair;
let expired: Pair;
let liar: Pair;
let optional: TestServer;
let required: TestServer;

before(async () => {
  const ours = await authority();
  const theirs = await authority();
  camera = await certify(ours, 'cam7', { organization });
  office = await certify(ours, 'office', { organization });
  stranger = await certify(theirs, 'cam7', { organization });
  expired = await certify(ours, 'cam8', { organization, expired: true });
  liar = await certify(ours, 'x,CN=cam7', { organization });
  const server = await certify(ours, 'localhost', { organization });
  const files = { certFile: 'server.pem', keyFile: 'server.key', clientCaFile: 'ca.pem' };
  const path = (name: string) => join(folder, name);
  writeFileSync(path(files.certFile), server.cert);
  writeFileSync(path(files.keyFile), server.key, { mode: 0o600 });
  writeFileSync(path(files.clientCaFile), ours.cert);
  const options = (clientCertificates: 'optional' | 'required'): TestServerOptions => ({
    auth: {
      tokens: [{ name: 'good', hash: token.hash }],
      certificates: [
        {
          name: 'cameras',
          subject: '~O=Example,CN=cam[0-9]+',
          permissions: [{ action: 'publish', path: '/upload/hash' }],
          maxBodyBytes: 4,
        },
        { name: 'offices', subject: 'O=Example,CN=office', permissions: [{ action: 'read' }] },
      ],
    },
    http: {
      port: 0,
      tls: {
        port: 0,
        certFile: path(files.certFile),
        keyFile: path(files.keyFile),
        clientCaFile: path(files.clientCaFile),
        clientCertificates,
      },
    },
  });
  optional = await TestServer.start(options('optional'));
  required = await TestServer.start(options('required'));
});
after(async () => {
  await optional?.stop();
  await required?.stop();
  rmSync(folder, { recursive: true });
});

const scheme = 'https';

test('a certificate of the authority lets in, for what the first rule permits', async () => {
  for (const server of [optional, required]) {
    assert.equal(await verdict(server, { scheme, ...camera }), '200');
    assert.equal(
      await verdict(server, { scheme, ...camera, path: '/upload/echo' }),
      '403 FORBIDDEN',
    );
    assert.equal(await verdict(server, { scheme, ...office }), '403 FORBIDDEN');
    const body = '12345';
    assert.equal(await verdict(server, { scheme, ...camera, body }), '413 BODY_TOO_LARGE');
  }
});

test('a name that only looks like one that is known is not', async () => {
  assert.equal(await verdict(optional, { scheme, ...liar }), '401 UNAUTHENTICATED');
});

// The strangers' authority has the name of ours.
test('where it is optional, one that cannot be verified is none', async () => {
  for (const one of [stranger, expired, {}]) {
    assert.equal(await verdict(optional, { scheme, ...one }), '401 UNAUTHENTICATED');
    assert.equal(await verdict(optional, { scheme, ...one, headers: bearer(token.token) }), '200');
  }
});

test('where it is required, the handshake fails without a good one', async () => {
  for (const one of [stranger, expired, {}]) {
    await assert.rejects(ask(required, { scheme, ...one, headers: bearer(token.token) }));
  }
  // A good one that no rule lets do this has its token to go by.
  assert.equal(await verdict(required, { scheme, ...office, headers: bearer(token.token) }), '200');
});

test('without TLS there is no certificate', async () => {
  assert.equal(await verdict(optional), '401 UNAUTHENTICATED');
  assert.equal(await verdict(optional, { headers: bearer(token.token) }), '200');
});

/** One upload over TLS with what is given; its status, and the session for another one. */
async function overTls(options: ConnectionOptions): Promise<{
  readonly status: string;
  readonly reused: boolean;
  readonly session: Buffer | undefined;
}> {
  const port = optional.port(scheme);
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  let session: Buffer | undefined;
  let reused = false;
  socket.on('secureConnect', () => {
    reused = socket.isSessionReused();
  });
  socket.on('session', (one) => {
    session = one;
  });
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.write(
    'PUT /upload/hash HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
  );
  await within(once(socket, 'close'), 'the end of the connection');
  return { status: text.slice(9, 12), reused, session };
}

test('a resumed session has the certificate that it was made with, good or bad', async () => {
  for (const [one, status] of [
    [camera, '200'],
    [stranger, '401'],
    [expired, '401'],
  ] as const) {
    const first = await overTls(one);
    assert.deepEqual([first.status, first.reused], [status, false]);
    const again = await overTls({ session: first.session });
    assert.deepEqual([again.status, again.reused], [status, true]);
  }
});

testWith('curl', 'curl with a certificate', async () => {
  const path = (name: string) => join(folder, name);
  writeFileSync(path('cam.pem'), camera.cert);
  writeFileSync(path('cam.key'), camera.key);
  const own = ['--cert', path('cam.pem'), '--key', path('cam.key'), '--cacert', path('ca.pem')];
  const url = required.url('/upload/hash', scheme).replace('127.0.0.1', 'localhost');
  const write = ['-s', '-w', '%{http_version}', '-X', 'PUT', '-d', 'body'];
  for (const [flag, version] of [
    ['--http1.1', '1.1'],
    ['--http2', '2'],
  ] as const) {
    const { stdout } = await runProgram('curl', [...write, flag, ...own, url]);
    assert.ok(stdout.endsWith(version), stdout);
    assert.equal(JSON.parse(stdout.slice(0, -version.length)).bytes, 4);
  }
});

test('everything is free afterwards', async () => {
  await optional.free();
  await required.free();
});
