import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import {
  checkGeometry,
  checkKernel,
  checkLimits,
  checkMemory,
  checkNative,
  checkNode,
  checkUdpBuffer,
} from '../../../src/cli/checks.js';
import { devCertificate } from '../../../src/cli/dev-certificate.js';
import {
  checkCertificates,
  checkPorts,
  checkSocket,
  endpointsOf,
} from '../../../src/cli/network-checks.js';
import { loadConfig } from '../../../src/config/index.js';

const folder = mkdtempSync(join(tmpdir(), 'ur-doctor-'));
after(() => rmSync(folder, { recursive: true }));

const configOf = (flags: Record<string, string> = {}) =>
  loadConfig({
    env: {},
    cwd: folder,
    flags: Object.entries(flags).map(([key, value]) => ({ key, value, flag: key })),
  }).config;

describe('machine', () => {
  it('needs Node 20', () => {
    assert.equal(checkNode('20.0.0').status, 'ok');
    assert.equal(checkNode('18.19.0').status, 'fail');
  });

  it('needs memfd and OFD locks, and wants pidfd', () => {
    assert.equal(checkKernel('linux', '6.1.0-18-amd64').status, 'ok');
    assert.equal(checkKernel('linux', '4.19.0').status, 'warn');
    assert.equal(checkKernel('linux', '3.10.0').status, 'fail');
    assert.equal(checkKernel('darwin', '23.0.0').status, 'warn');
  });

  it('has the native binary and memory for the defaults', () => {
    assert.equal(checkNative().status, 'ok');
    assert.equal(checkMemory().status, 'ok');
    assert.match(checkGeometry(configOf().segment).detail, /needs 29\d\.\d MB/);
  });

  it('has no memory for terabytes', () => {
    const check = checkGeometry(
      configOf({
        'segment.pools.uploads.streams': '100',
        'segment.pools.uploads.requestSlots': '1048576',
        'segment.pools.uploads.responseSlots': '1048576',
      }).segment,
    );
    assert.equal(check.status, 'fail');
    assert.match(check.detail, /needs 13\.\d TB/);
    assert.match(check.remedy ?? '', /requestSlots/);
  });

  it('wants open files for every stream', () => {
    assert.equal(checkLimits(128, new Map([['Max open files', 1024]]))[0]?.status, 'ok');
    const few = checkLimits(1000, new Map([['Max open files', 1024]]))[0];
    assert.equal(few?.status, 'warn');
    assert.match(few?.remedy ?? '', /ulimit -n 2256/);
  });
});

describe('http3', () => {
  it('wants a buffer for UDP', () => {
    assert.equal(checkUdpBuffer(2 ** 21)[0]?.status, 'ok');
    const [small] = checkUdpBuffer(212_992);
    assert.equal(small?.status, 'warn');
    assert.match(small?.remedy ?? '', /net\.core\.rmem_max=2097152/);
  });

  it('has a UDP port where it is on', async () => {
    const files = { 'http.tls.certFile': 'c', 'http.tls.keyFile': 'k', 'http.plain': 'false' };
    const config = configOf({ ...files, 'transports.http3.enabled': 'true' });
    const endpoint = endpointsOf(config).find(({ key }) => key === 'transports.http3');
    assert.deepEqual([endpoint?.host, endpoint?.protocol], ['127.0.0.1', 'udp']);
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    try {
      const taken = { ...endpoint, port: socket.address().port } as NonNullable<typeof endpoint>;
      const [check] = await checkPorts([taken], false);
      assert.equal(check?.status, 'fail');
      assert.match(check?.detail ?? '', /UDP.*EADDRINUSE/);
    } finally {
      socket.close();
    }
  });
});

describe('network', () => {
  it('finds the addresses of the configuration and who has them', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    try {
      const port = String((taken.address() as AddressInfo).port);
      const config = configOf({
        'http.port': port,
        'http.tls.port': '0',
        'http.tls.certFile': 'c',
        'http.tls.keyFile': 'k',
      });
      const endpoints = endpointsOf(config);
      assert.deepEqual(
        endpoints.map(({ key, host }) => [key, host]),
        [
          ['http', '127.0.0.1'],
          ['http.tls', '127.0.0.1'],
        ],
      );
      const [plain, tls] = await checkPorts(endpoints, false);
      assert.equal(plain?.status, 'fail');
      assert.match(plain?.detail ?? '', /EADDRINUSE/);
      assert.match(plain?.remedy ?? '', /http\.port/);
      assert.equal(tls?.status, 'ok');
      assert.equal((await checkPorts(endpoints, true))[0]?.status, 'ok');
    } finally {
      taken.close();
    }
    assert.deepEqual(endpointsOf(configOf({ 'http.plain': 'false' })), []);
  });

  it('tells a missing control socket from a stale one and from a foreign file', async () => {
    const missing = await checkSocket(join(folder, 'none.sock'));
    assert.equal(missing.live, false);
    assert.match(missing.check.detail, /no server is running/);
    const foreign = join(folder, 'file.sock');
    writeFileSync(foreign, '');
    const { check, live } = await checkSocket(foreign);
    assert.deepEqual([check.status, live], ['fail', false]);
    const stale = join(folder, 'stale.sock');
    const gone = spawnSync(process.execPath, [
      '-e',
      `require('net').createServer()
        .listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    assert.equal(gone.signal, 'SIGKILL');
    assert.match((await checkSocket(stale)).check.detail, /stale, nobody listens/);
  });

  it('reads certificates', async () => {
    const { certFile, keyFile } = await devCertificate(folder);
    const tls = (cert: string, key: string) =>
      configOf({ 'http.tls.certFile': cert, 'http.tls.keyFile': key });
    const status = (cert: string, key: string, now = new Date()) =>
      checkCertificates(tls(cert, key), now)[0]?.status;
    assert.equal(status(certFile, keyFile), 'ok');
    assert.equal(status(certFile, keyFile, new Date(Date.now() + 360 * 86_400_000)), 'warn');
    assert.equal(status(certFile, keyFile, new Date(Date.now() + 370 * 86_400_000)), 'fail');
    assert.equal(status('missing.pem', keyFile), 'fail');
    const other = await devCertificate(join(folder, 'other'));
    assert.equal(status(certFile, other.keyFile), 'fail');
  });
});
