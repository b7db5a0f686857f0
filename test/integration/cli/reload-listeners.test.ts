// SIGHUP to a server with listeners beside HTTP: certificates, passphrases and users change for who comes
// from then on, and who is there stays.

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { after, afterEach, before, describe, it } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { authority, certify } from '../../support/authority.js';
import { runProgram, testWith } from '../../support/program.js';
import { RtmpClient } from '../../support/rtmp-client.js';
import { runSrtClient } from '../../support/srt.js';
import { connectTls, fingerprintAt, TlsFolder } from '../../support/tls.js';
import { ConfigFile, endAll, fixture, TestServer, temporaryFolder, until } from './support.js';

const folder = temporaryFolder();
const echo = fixture('echo.mjs');
const QUIET = ['--reload.watch-ms', '0'];
/** SRT_REJ_BADSECRET of srt.h. */
const BAD_SECRET = 10;

let tls: TlsFolder;
before(async () => {
  tls = await TlsFolder.create();
});
afterEach(endAll);
after(() => {
  folder.remove();
  tls.remove();
});

/** `key`: another file with the key. */
const listeners = (key = tls.keyFile) => `transports:
  tcp:
    enabled: true
    port: 0
    tls: { port: 0, certFile: ${tls.certFile}, keyFile: ${tls.keyFile} }
  rtmp:
    enabled: true
    port: 0
    tls:
      { port: 0, certFile: ${tls.certFile}, keyFile: ${key} }
`;
const SECTIONS = ['transports.rtmp.tls', 'transports.tcp.tls'];

async function start(file: ConfigFile, ...args: string[]): Promise<TestServer> {
  const command = ['--config', file.path, '--worker', echo, ...QUIET, ...args];
  const server = await TestServer.start(folder.path, command);
  await server.events.next('worker-started');
  return server;
}

async function reload(server: TestServer) {
  server.child.kill('SIGHUP');
  return server.events.next('reloaded');
}

/** Everything that comes until the server has closed. */
async function answerOf(socket: TLSSocket): Promise<string> {
  let seen = '';
  for await (const chunk of socket) seen += chunk;
  return seen;
}

describe('certificates of TCP and RTMPS', () => {
  it('are others for new connections, while an upload and a publication go on', async () => {
    const file = new ConfigFile(folder.path);
    file.write(listeners());
    const server = await start(file);
    const ports = [server.port('rtmps'), server.port('tls')];
    const upload = await connectTls(server.port('tls'));
    upload.write('begun');
    const publisher = await RtmpClient.publish(server.port('rtmps'), 'key', 'live', true);
    assert.equal((await publisher.status())?.code, 'NetStream.Publish.Start');
    publisher.config();
    publisher.frame(0, true, Buffer.alloc(1000, 0x65));
    const before = await Promise.all(ports.map(fingerprintAt));

    await tls.renew();
    assert.deepEqual(await Promise.all(ports.map(fingerprintAt)), before);
    const report = await reload(server);
    assert.deepEqual([report.changed, report.needRestart], [[], []]);
    assert.deepEqual(report.certificates, SECTIONS);
    const now = await Promise.all(ports.map(fingerprintAt));
    assert.equal(now[0], now[1]);
    assert.notEqual(now[0], before[0]);

    upload.end(' and done');
    assert.equal(await answerOf(upload), '14 bytes\n');
    publisher.frame(40, false, Buffer.alloc(1000, 0x41));
    publisher.command(0, 'deleteStream', 7, null, 1);
    assert.equal((await publisher.status(1))?.code, 'NetStream.Unpublish.Success');
    publisher.socket.end();
    await publisher.end();
    assert.equal(await server.stop(), 0);
  });

  it('stay where the new ones are broken, and the message says where', async () => {
    const file = new ConfigFile(folder.path);
    file.write(listeners());
    const server = await start(file);
    const ports = [server.port('rtmps'), server.port('tls')];
    const before = await Promise.all(ports.map(fingerprintAt));

    const other = `${tls.path}/other.pem`;
    tls.write(other, (await certify(await authority(), 'other')).key);
    file.write(listeners(other));
    await tls.renew();
    server.child.kill('SIGHUP');
    const { code, message } = await server.events.next('reload-refused');
    assert.equal(code, 'INVALID_CONFIG');
    assert.match(
      message as string,
      /server\.yaml:9: transports\.rtmp\.tls: .*other\.pem is not the key of/,
    );
    await until('the log to say so', () => /the old one stays/.test(server.events.stderr));
    // Neither of the two, although one could have had its own.
    assert.deepEqual(await Promise.all(ports.map(fingerprintAt)), before);

    file.write(listeners());
    assert.deepEqual((await reload(server)).certificates, SECTIONS);
    assert.notDeepEqual(await Promise.all(ports.map(fingerprintAt)), before);
    assert.equal(await server.stop(), 0);
  });

  it('are others in each of several server processes', async () => {
    const file = new ConfigFile(folder.path);
    file.write(listeners());
    const server = await start(file, '-p', '2');
    const port = server.port('tls');
    const before = await fingerprintAt(port);
    await tls.renew();
    await reload(server);
    for (let i = 0; i < 20; i++) assert.notEqual(await fingerprintAt(port), before);
    assert.equal(await server.stop(), 0);
  });
});

testWith('openssl', 'openssl s_client sees the other certificate of RTMPS', async () => {
  const file = new ConfigFile(folder.path);
  file.write(listeners());
  const server = await start(file);
  const port = server.port('rtmps');
  const seen = async () => {
    const call = `openssl s_client -connect 127.0.0.1:${port} </dev/null 2>/dev/null`;
    const show = 'openssl x509 -noout -fingerprint -sha256';
    const { stdout, stderr } = await runProgram('sh', ['-c', `${call} | ${show}`]);
    assert.match(stdout, /ingerprint=/, stderr);
    return stdout.trim().split('=')[1];
  };
  const before = await seen();
  assert.equal(before, await fingerprintAt(port));
  await tls.renew();
  await reload(server);
  const now = await seen();
  assert.notEqual(now, before);
  assert.equal(now, await fingerprintAt(port));
  assert.equal(await server.stop(), 0);
});

describe('passphrases and users of SRT', () => {
  const srt = (passphrase: string, user: string) => `transports:
  srt:
    enabled: true
    port: 0
    firstBytesTimeoutMs: 60s
    passphrase: ${passphrase}
    users: [{ name: ${user} }]
`;

  it('are others for new callers; one that is there goes on', async () => {
    const file = new ConfigFile(folder.path);
    const [first, second] = ['the first passphrase', 'the second passphrase'];
    file.write(srt(first, 'ann'));
    const server = await start(file);
    const port = String(server.port('srt'));
    const call = (user: string, passphrase: string, ...more: string[]) => {
      const id = `#!::u=${user},r=a,user_len=10`;
      return [port, '--stream-id', id, '--passphrase', passphrase, ...more];
    };
    const rejectOf = async (user: string, passphrase: string) => {
      const { connected, reject } = await runSrtClient(call(user, passphrase, '--no-answer'));
      return connected ? 0 : reject;
    };
    const input = new PassThrough();
    const running = runSrtClient(call('ann', first), input);
    input.write('12345');
    await until('the caller to be there', async () => {
      const metrics = await (await fetch(new URL('/metrics', server.url()))).text();
      return /received_bytes_total\{[^}]*transport="srt"[^}]*\} 5\n/.test(metrics);
    });
    assert.equal(await rejectOf('ann', second), BAD_SECRET);

    file.write(srt(second, 'bob'));
    const { changed } = await reload(server);
    assert.deepEqual(changed, ['transports.srt.passphrase', 'transports.srt.users.0.name']);
    assert.equal(await rejectOf('bob', first), BAD_SECRET);
    assert.equal(await rejectOf('ann', second), 1401);
    assert.equal(await rejectOf('bob', second), 0);
    input.end('67890');
    const { sent, answer } = await running;
    assert.equal(sent, 10);
    assert.match(answer ?? '', /10 bytes/);
    for (const secret of [first, second]) assert.ok(!server.events.stderr.includes(secret));

    // Too short for libsrt: nothing changes.
    file.write(srt('short', 'ann'));
    server.child.kill('SIGHUP');
    const refused = (await server.events.next('reload-refused')).message as string;
    assert.match(
      refused,
      /server\.yaml:6: transports\.srt\.passphrase: .*accepted: 10 to 79 bytes/,
    );
    assert.ok(!refused.includes('short,') && !refused.includes('"short"'), refused);
    assert.equal(await rejectOf('bob', second), 0);
    assert.equal(await server.stop(), 0);
  });
});
