// `serve` takes over another configuration while it runs.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, afterEach, describe, it } from 'node:test';
import { runProgram, testWith } from '../../support/program.js';
import { Scrape } from '../../support/prometheus.js';
import { certificate } from '../../support/test-server.js';
import { fingerprintAt } from '../../support/tls.js';
import {
  ConfigFile,
  endAll,
  finish,
  fixture,
  isAlive,
  MAIN,
  start,
  TestServer,
  temporaryFolder,
  until,
} from './support.js';

const folder = temporaryFolder();
const echo = fixture('echo.mjs');

afterEach(endAll);
after(() => folder.remove());

async function put(server: TestServer, bytes: number): Promise<number> {
  const response = await fetch(server.url(), { method: 'PUT', body: Buffer.alloc(bytes) });
  await response.arrayBuffer();
  return response.status;
}

const fingerprint = (server: TestServer) => fingerprintAt(server.port('https'));

/** An upload whose body is still open. */
async function openUpload(server: TestServer) {
  const input = new PassThrough();
  const child = start(['send', '-', server.url(), '-iq']);
  input.pipe(child.stdin as NodeJS.WritableStream);
  input.write('begun');
  await once(child.stderr as NodeJS.ReadableStream, 'data');
  return { input, done: finish(child) };
}

const limit = (size: string): string => `limits:\n  maxBodyBytes: ${size}\n`;
const QUIET = ['--reload.watch-ms', '0'];

describe('SIGHUP', () => {
  it('takes over what can be changed, and names what cannot', async () => {
    const file = new ConfigFile(folder.path);
    file.write(limit('1KB'));
    const args = ['--config', file.path, '--worker', echo, ...QUIET];
    const server = await TestServer.start(folder.path, args);
    await server.events.next('worker-started');
    const { input, done } = await openUpload(server);
    assert.deepEqual([await put(server, 1024), await put(server, 1025)], [200, 413]);
    file.write(`${limit('2KB')}http:\n  prefix: /other\nlog:\n  level: info\n`);
    server.child.kill('SIGHUP');
    const report = await server.events.next('reloaded');
    // The command line's --log-level wins over the file.
    assert.deepEqual(report.changed, ['limits.maxBodyBytes']);
    assert.deepEqual(report.needRestart, ['http.prefix']);
    assert.deepEqual([await put(server, 2048), await put(server, 2049)], [200, 413]);
    await until('the log to say so', () => /"keys":\["http\.prefix"\]/.test(server.events.stderr));
    input.end(' and done');
    assert.equal((await done).stdout, '14 bytes\n');
    assert.equal(await server.stop(), 0);
  });

  it('leaves the old configuration where the new one is wrong', async () => {
    const file = new ConfigFile(folder.path);
    file.write(limit('1KB'));
    const args = ['--config', file.path, '--worker', echo, '--admin.port', '0', ...QUIET];
    const server = await TestServer.start(folder.path, args);
    await server.events.next('worker-started');
    file.write(`limits:\n  noWorkerTimeoutMs: 1s\n  maxBodyBytes: lots\n`);
    server.child.kill('SIGHUP');
    const { code, message } = await server.events.next('reload-refused');
    assert.equal(code, 'INVALID_CONFIG');
    const where = /server\.yaml:3: limits\.maxBodyBytes: is "lots"/;
    assert.match(message as string, where);
    await until('the log to say so', () => /the old one stays/.test(server.events.stderr));
    const line = server.events.stderr.split('\n').find((one) => one.includes('the old one stays'));
    assert.match(JSON.parse(line ?? '').error, where);
    file.write(`${limit('2KB')}http:\n  tls:\n    certFile: none.pem\n    keyFile: none.pem\n`);
    server.child.kill('SIGHUP');
    // A TLS listener comes only with a restart, so that its files do not count yet.
    const report = await server.events.next('reloaded');
    assert.deepEqual([report.changed, report.needRestart], [['limits.maxBodyBytes'], ['http.tls']]);
    assert.equal(await put(server, 2048), 200);
    const admin = server.listening.admin?.url;
    const metrics = new Scrape(await (await fetch(`${admin}/metrics`)).text());
    const reloads = (result: string) =>
      metrics.value('uploadresponse_config_reloads_total', { result });
    assert.deepEqual([reloads('done'), reloads('refused')], [1, 1]);
    assert.equal(await server.stop(), 0);
  });

  it('names the line of a certificate that is none', async () => {
    const file = new ConfigFile(folder.path);
    const files = await certificate(folder.path);
    const tls = `http:\n  tls:\n    port: 0\n    certFile: ${files.certFile}\n    keyFile: `;
    file.write(`${tls}${files.keyFile}\n`);
    const server = await TestServer.start(folder.path, ['--config', file.path, ...QUIET]);
    file.write(`# one line more\n${tls}nowhere.pem\n`);
    server.child.kill('SIGHUP');
    const { message } = await server.events.next('reload-refused');
    assert.match(message as string, /server\.yaml:3: http\.tls: ENOENT/);
    assert.equal(await server.stop(), 0);
  });

  it('twice is one reload more at most', async () => {
    const file = new ConfigFile(folder.path);
    file.write(limit('1KB'));
    const server = await TestServer.start(folder.path, ['--config', file.path, ...QUIET]);
    file.write(limit('2KB'));
    for (let i = 0; i < 50; i++) server.child.kill('SIGHUP');
    await server.events.next('reloaded');
    file.write(limit('3KB'));
    server.child.kill('SIGHUP');
    let { changed } = await server.events.next('reloaded');
    while ((changed as string[]).length === 0) ({ changed } = await server.events.next('reloaded'));
    assert.equal(await server.stop(), 0);
  });
});

describe('files that change', () => {
  it('are read again: one that is replaced, and a link that is swapped further up', async () => {
    // As Kubernetes mounts a secret: tls/cert.pem -> ..data/cert.pem, ..data -> ..1
    const mount = mkdtempSync(join(folder.path, 'mount-'));
    const version = async (name: string) => {
      mkdirSync(join(mount, name));
      await certificate(join(mount, name));
      symlinkSync(name, join(mount, '..next'));
      renameSync(join(mount, '..next'), join(mount, '..data'));
    };
    await version('..1');
    for (const name of ['cert.pem', 'key.pem']) symlinkSync(`..data/${name}`, join(mount, name));
    const file = new ConfigFile(folder.path);
    const files = `    certFile: ${mount}/cert.pem\n    keyFile: ${mount}/key.pem\n`;
    const tls = `http:\n  tls:\n    port: 0\n${files}`;
    file.write(tls + limit('1KB'));
    const args = ['--config', file.path, '--worker', echo, '--reload.watch-ms', '50ms'];
    const server = await TestServer.start(folder.path, args);
    await server.events.next('worker-started');
    const { input, done } = await openUpload(server);
    const before = await fingerprint(server);

    await version('..2');
    assert.deepEqual((await server.events.next('reloaded')).changed, []);
    assert.notEqual(await fingerprint(server), before);

    file.write(tls + limit('2KB'));
    assert.deepEqual((await server.events.next('reloaded')).changed, ['limits.maxBodyBytes']);
    assert.deepEqual([await put(server, 2048), await put(server, 2049)], [200, 413]);

    file.write(`${tls}limits: [\n`);
    assert.match(
      (await server.events.next('reload-refused')).message as string,
      /server\.yaml:[67]/,
    );
    assert.equal(await put(server, 2048), 200);

    input.end(' and done');
    assert.equal((await done).stdout, '14 bytes\n');
    assert.equal(await server.stop(), 0);
  });
});

describe('several server processes', () => {
  it('all take it over, and those that start later too', async () => {
    const file = new ConfigFile(folder.path);
    file.write(limit('1KB'));
    const args = [
      '--config',
      file.path,
      '--worker',
      echo,
      '-p',
      '2',
      '--admin.port',
      '0',
      ...QUIET,
    ];
    const server = await TestServer.start(folder.path, args);
    const pids = [
      (await server.events.next('process-started')).pid as number,
      (await server.events.next('process-started')).pid as number,
    ];
    await server.events.next('worker-started');
    const admin = server.listening.admin?.url;
    const scrape = async () => new Scrape(await (await fetch(`${admin}/metrics`)).text());
    const reloads = async (process: string, result: string) =>
      (await scrape()).sum('uploadresponse_config_reloads_total', { process, result });

    file.write(limit('2KB'));
    server.child.kill('SIGHUP');
    await server.events.next('reloaded');
    for (const name of ['server-1', 'server-2']) assert.equal(await reloads(name, 'done'), 1, name);

    file.write(limit('lots'));
    server.child.kill('SIGHUP');
    await server.events.next('reload-refused');
    assert.equal(await reloads('server-1', 'refused'), 1);

    // Whoever answers knows the numbers of both, and the segment's only once.
    const one = await scrape();
    const processes = one.all('uploadresponse_build_info').map(({ labels }) => labels.process);
    assert.deepEqual(processes.sort(), ['server-1', 'server-2']);
    assert.equal(one.value('uploadresponse_workers', { role: 'ingress' }), 2);

    process.kill(pids[0] as number, 'SIGKILL');
    await server.events.next('process-died');
    await server.events.next('process-started');
    await until('both to answer', async () => {
      const found = (await scrape().catch(() => undefined))?.all('uploadresponse_build_info');
      return found?.length === 2;
    });
    // The file is wrong: what was taken over before counts.
    for (let i = 0; i < 20; i++) {
      assert.deepEqual([await put(server, 2048), await put(server, 2049)], [200, 413]);
    }
    assert.equal(await server.stop(), 0);
    for (const pid of pids) assert.equal(isAlive(pid), false);
  });
});

/** A terminal of its own for a command; it is gone when the whole command is. */
const IN_A_TERMINAL = `
import json, os, pty, signal, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
text = b""
while b'"listening"' not in text:
    text += os.read(terminal, 65536)
os.kill(pid, signal.SIGHUP)
while b'"reloaded"' not in text:
    text += os.read(terminal, 65536)
os.close(terminal)
os.kill(pid, signal.SIGHUP)
print(json.dumps(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
`;

testWith('python3', 'SIGHUP means the end where the terminal of the start is gone', async () => {
  const args = ['serve', '--json', '--port', '0', '--socket', join(folder.path, 'terminal.sock')];
  const command = [process.execPath, MAIN, ...args, '--segment.pools.uploads.streams', '4'];
  const { stdout, stderr, code } = await runProgram('python3', ['-c', IN_A_TERMINAL, ...command]);
  assert.deepEqual([code, stdout.trim()], [0, '0'], stderr);
});
