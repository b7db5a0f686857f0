import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { endAll, run, TestServer, temporaryFolder } from './support.js';

const folder = temporaryFolder();
const env = { UR_SOCKET: join(folder.path, 'server.sock') };
const here = { cwd: folder.path, env };
const { version } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
);

after(async () => {
  await endAll();
  folder.remove();
});

interface Doctor {
  readonly ok: boolean;
  readonly checks: readonly { id: string; status: string; detail: string; remedy?: string }[];
}

async function doctor(...args: string[]): Promise<{ code: number | null; report: Doctor }> {
  const { code, stdout } = await run(['doctor', '--json', '--port', '0', ...args], here);
  return { code, report: JSON.parse(stdout) as Doctor };
}

const find = (report: Doctor, id: string) => report.checks.find((check) => check.id === id);

describe('upload-response', () => {
  it('prints its version with the segment format', async () => {
    for (const flag of ['--version', '-V']) {
      const { code, stdout } = await run([flag]);
      assert.equal(code, 0);
      assert.match(
        stdout,
        new RegExp(`^upload-response ${version} \\(native .*, segment format 1`),
      );
    }
  });

  it('has a help text with examples and exit codes for every command', async () => {
    const main = await run(['--help']);
    assert.equal(main.code, 0);
    const commands = ['serve', 'worker', 'send', 'inspect', 'top', 'doctor'];
    for (const command of [...commands, 'config']) {
      assert.match(main.stdout, new RegExp(`^ {2}${command}\\b`, 'm'));
    }
    for (const { code, stdout } of await Promise.all(commands.map((one) => run([one, '--help'])))) {
      assert.equal(code, 0);
      assert.match(stdout, /^Examples:\n {2}.*upload-response/m);
      assert.match(stdout, /^Exit codes:$/m);
    }
  });

  it('ends with 2 for what it does not understand', async () => {
    const wrong = [
      ...[
        ['serv'],
        ['inspect', 'x'],
        ['top', '-i', 'soon'],
        ['top', '-i', '0'],
        ['serve', '--nope'],
      ],
      ...[['config', 'prnt'], []],
    ];
    for (const { code, stderr } of await Promise.all(wrong.map((args) => run(args)))) {
      assert.equal(code, 2, stderr);
      assert.notEqual(stderr, '');
    }
    assert.match((await run(['serv'])).stderr, /Did you mean serve\?/);
  });
});

describe('config', () => {
  it('prints what is in force, without secrets', async () => {
    writeFileSync(
      join(folder.path, 'upload-response.yaml'),
      'http:\n  tls: { certFile: c, keyFile: k, passphrase: hidden }\n',
    );
    const { code, stdout } = await run(
      ['config', 'print', '--json', '--limits.max-attempts=2'],
      here,
    );
    assert.equal(code, 0);
    const config = JSON.parse(stdout);
    assert.equal(config.limits.maxAttempts, 2);
    assert.equal(config.segment.socket, env.UR_SOCKET);
    assert.equal(config.http.tls.passphrase, '***');
    assert.doesNotMatch((await run(['config'], here)).stdout, /hidden/);
    writeFileSync(join(folder.path, 'upload-response.yaml'), '');
  });

  it('lists every key', async () => {
    const { stdout } = await run(['config', 'keys', '--json']);
    const keys = JSON.parse(stdout) as { name: string; env: string; flag: string }[];
    const key = keys.find((one) => one.name === 'limits.maxBodyBytes');
    assert.deepEqual(
      [key?.env, key?.flag],
      ['UR_LIMITS_MAX_BODY_BYTES', '--limits.max-body-bytes'],
    );
    assert.match((await run(['config', 'keys'])).stdout, /UR_SEGMENT_POOLS_\*_SLOT_SIZE/);
  });
});

describe('doctor', () => {
  it('finds nothing wrong here', async () => {
    const { code, report } = await doctor();
    assert.equal(code, 0, JSON.stringify(report));
    assert.equal(report.ok, true);
    for (const id of [
      'node',
      'kernel',
      'native',
      'memory',
      'config',
      'geometry',
      'shm',
      'socket',
    ]) {
      assert.ok(find(report, id), id);
    }
    const text = await run(['doctor', '--port', '0'], here);
    assert.match(text.stdout, /^ok {4}Node\.js /m);
  });

  it('fails where the geometry does not fit, with a remedy', async () => {
    const { code, report } = await doctor('--segment.pools.0.response-slots', '1048576');
    assert.equal(code, 1);
    const check = find(report, 'geometry');
    assert.equal(check?.status, 'fail');
    assert.match(check?.remedy ?? '', /segment\.pools\.0\.responseSlots/);
  });

  it('fails for a taken port and for wrong configuration', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const { code, report } = await doctor('--port', String(port));
    assert.equal(code, 1);
    assert.equal(find(report, `port:${port}`)?.status, 'fail');
    taken.close();
    const wrong = await doctor('--limits.max-attempts', 'many');
    assert.equal(wrong.code, 1);
    assert.match(find(wrong.report, 'config')?.detail ?? '', /limits\.maxAttempts/);
  });

  it('sees a live server', async () => {
    const server = await TestServer.start(folder.path);
    const { report } = await doctor();
    assert.match(
      find(report, 'socket')?.detail ?? '',
      new RegExp(`live, server pid ${server.child.pid}`),
    );
    assert.equal(await server.stop(), 0);
  });
});
