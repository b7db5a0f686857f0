import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, afterEach, describe, it } from 'node:test';
import {
  Events,
  endAll,
  endOf,
  finish,
  fixture,
  isAlive,
  run,
  start,
  TestServer,
  temporaryFolder,
  until,
} from './support.js';

const folder = temporaryFolder();
const echo = fixture('echo.mjs');
const body = Buffer.alloc(5_000_000, 'upload');
const file = join(folder.path, 'body.bin');
writeFileSync(file, body);

// Every server here has the same socket: one that a failed test left would fail all that follow.
afterEach(endAll);
after(() => folder.remove());

/** Starts an upload that has begun at the worker and whose body is still open. */
async function openUpload(server: TestServer) {
  const input = new PassThrough();
  const child = start(['send', '-', server.url(), '-iq']);
  input.pipe(child.stdin as NodeJS.WritableStream);
  input.write('begun');
  // The fixture answers before it reads.
  await once(child.stderr as NodeJS.ReadableStream, 'data');
  return { input, child, done: finish(child) };
}

describe('serve', () => {
  it('prints where it listens, serves, and ends at SIGTERM', async () => {
    const server = await TestServer.start(folder.path, [
      '--worker',
      echo,
      '--worker-processes',
      '2',
    ]);
    const { listening } = server;
    assert.equal(listening.pid, server.child.pid);
    assert.ok(listening.segment.totalBytes > 4 * 24 * 65_536);
    const workers = [
      await server.events.next('worker-started'),
      await server.events.next('worker-started'),
    ];
    assert.deepEqual(workers.map(({ worker }) => worker).sort(), ['echo-1', 'echo-2']);
    const result = await run(['send', '-q', file, server.url()]);
    assert.deepEqual([result.code, result.stdout], [0, `${body.length} bytes\n`], result.stderr);
    assert.equal(await server.stop(), 0, server.events.stderr);
    await server.events.next('stopping');
    await server.events.next('stopped');
    for (const { pid } of workers) assert.equal(isAlive(pid as number), false);
    assert.equal(existsSync(server.socket), false);
  });

  it('starts a worker again that was killed', async () => {
    const server = await TestServer.start(folder.path, ['--worker', echo]);
    const first = await server.events.next('worker-started');
    process.kill(first.pid as number, 'SIGKILL');
    const died = await server.events.next('worker-died');
    assert.deepEqual([died.pid, died.signal], [first.pid, 'SIGKILL']);
    await server.events.next('worker-started');
    assert.equal((await run(['send', '-q', file, server.url()])).code, 0);
    assert.equal(await server.stop(), 0);
  });

  it('finishes an upload that runs when it is told to stop', async () => {
    const server = await TestServer.start(folder.path, ['--worker', echo]);
    const { input, done } = await openUpload(server);
    const stopped = server.stop();
    await server.events.next('stopping');
    const refused = await run(['send', '-q', file, server.url()]);
    assert.ok(refused.code === 5 || refused.code === 6 || refused.code === 7, refused.stderr);
    input.end(' and done');
    const result = await done;
    assert.deepEqual([result.code, result.stdout], [0, '14 bytes\n'], result.stderr);
    assert.equal(await stopped, 0, server.events.stderr);
  });

  it('cuts what has not ended when its time is up, and ends with 0', async () => {
    const drain = ['--shutdown.drain-timeout-ms', '200ms'];
    const server = await TestServer.start(folder.path, ['--worker', echo, ...drain]);
    const { done } = await openUpload(server);
    assert.equal(await server.stop(), 0, server.events.stderr);
    const result = await done;
    assert.equal(result.code, 7, result.stderr);
  });

  it('ends at once at a second signal', async () => {
    const server = await TestServer.start(folder.path, ['--worker', echo]);
    const worker = await server.events.next('worker-started');
    const { done } = await openUpload(server);
    // A second signal counts only some time after the first: a terminal may send one twice.
    await until('it ends', () => {
      server.child.kill('SIGINT');
      return server.child.exitCode !== null;
    });
    assert.deepEqual(await endOf(server.child), [130, null]);
    await until('its worker ends', () => !isAlive(worker.pid as number));
    assert.equal((await done).code, 7);
  });

  it('takes its configuration from file, environment and flags', async () => {
    const config = join(folder.path, 'small.yaml');
    writeFileSync(config, 'limits:\n  maxBodyBytes: 1KB\nhttp:\n  prefix: /in\n');
    const env = { UR_HTTP_PREFIX: '/up' };
    const args = ['--config', config, '--worker', echo, '--limits.max-body-bytes=2KB'];
    const server = await TestServer.start(folder.path, args, { env });
    const base = server.url().replace('/upload', '');
    // A file's length is known before its body: no answer can have begun when it is too large.
    const sized = join(folder.path, 'sized.bin');
    const send = async (path: string, bytes: number) => {
      writeFileSync(sized, Buffer.alloc(bytes));
      return (await run(['send', '-q', sized, base + path])).code;
    };
    assert.equal(await send('/up', 2048), 0);
    assert.equal(await send('/up', 2049), 4);
    assert.equal(await send('/up', 20_000_000), 4);
    assert.equal(await send('/in', 1), 4);
    assert.equal(await server.stop(), 0);
  });

  it('refuses a socket that another server listens on', async () => {
    const server = await TestServer.start(folder.path);
    const second = await run(['serve', '--port', '0', '--socket', server.socket]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /another server listens on this control socket/);
    assert.equal(await server.stop(), 0);
  });

  const large = totalmem() > 200e9 && 'this machine has the memory for it';
  it('refuses the geometry of the origin system at once', { skip: large }, async () => {
    const pool = (key: string, value: string) => [`--segment.pools.uploads.${key}`, value];
    const slots = [...pool('request-slots', '16384'), ...pool('response-slots', '16384')];
    const socket = join(folder.path, 'never.sock');
    const place = ['--port', '0', '--socket', socket];
    const result = await run(['serve', ...place, ...pool('streams', '100'), ...slots]);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /needs 21\d\.\d GB at start, and \d+\.\d [MG]B are free/);
    assert.match(result.stderr, /lower segment\.pools\.0\.requestSlots/);
    assert.equal(existsSync(socket), false);
  });

  it('refuses wrong configuration with key and line', async () => {
    const config = join(folder.path, 'wrong.yaml');
    writeFileSync(config, 'limits:\n  maxBodyBytes: lots\n');
    const result = await run(['serve', '--config', config, '--limits.foo', '1']);
    assert.equal(result.code, 2);
    assert.match(result.stderr, /wrong\.yaml:2: limits\.maxBodyBytes: is "lots"; accepted: a size/);
    assert.match(result.stderr, /--limits\.foo: limits\.foo: there is no such key/);
    const json = await run(['serve', '--json', '--config', config]);
    assert.equal(JSON.parse(json.stderr).code, 'INVALID_CONFIG');
  });

  it('refuses a worker module that is none', async () => {
    const missing = await run(['serve', '--port', '0', '--worker', join(folder.path, 'none.mjs')]);
    assert.equal(missing.code, 2);
    const socket = join(folder.path, 'server.sock');
    const args = ['--port', '0', '--socket', socket, '--worker', fixture('no-worker.mjs')];
    const wrong = await run(['serve', ...args]);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /the module exports no worker/);
  });
});

describe('serve, when it cannot have what it needs', () => {
  it('says which address is taken, and what to do', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    try {
      const socket = join(folder.path, 'server.sock');
      for (const processes of ['1', '2']) {
        const args = ['--port', `${port}`, '--socket', socket, '--json', '-p', processes];
        const { code, stderr } = await run(['serve', ...args]);
        assert.equal(code, 1);
        const error = JSON.parse(stderr.trim().split('\n').at(-1) as string);
        assert.equal(error.code, 'LISTEN_FAILED');
        assert.match(error.message, new RegExp(`http: .*EADDRINUSE.*:${port}`));
        assert.match(error.remedy, /doctor/);
      }
    } finally {
      taken.close();
    }
  });

  it('names a configuration file that cannot be read, and no line of it', async () => {
    const { code, stderr } = await run(['serve', '--config', join(folder.path, 'none.yaml')]);
    assert.equal(code, 2);
    assert.match(stderr, /not valid:\n {2}\S*none\.yaml: cannot be read \(ENOENT\)/);
  });

  it('goes on when nobody reads its output any more', async () => {
    const server = await TestServer.start(folder.path, ['--worker', echo]);
    const { pid } = await server.events.next('worker-started');
    server.child.stdout?.destroy();
    server.child.stderr?.destroy();
    // Of its death and of its next start there are lines.
    process.kill(pid as number, 'SIGKILL');
    const result = await run(['send', '-q', file, server.url()]);
    assert.deepEqual([result.code, result.stdout], [0, `${body.length} bytes\n`], result.stderr);
    server.child.kill('SIGTERM');
    assert.deepEqual(await endOf(server.child), [0, null]);
  });
});

describe('serve --dev', () => {
  it('takes free ports where the usual ones are taken, and makes a certificate', async () => {
    const taken = createServer().on('error', () => {});
    taken.listen(8080, '127.0.0.1');
    // Where another program has it, it is taken all the same.
    await once(taken, 'listening').catch(() => undefined);
    const env = { XDG_CACHE_HOME: join(folder.path, 'cache') };
    const child = start(
      ['serve', '--dev', '--json', '--worker', echo, '--socket', join(folder.path, 'dev.sock')],
      { env },
    );
    try {
      const events = new Events(child);
      const { addresses, certificate } = (await events.next('listening')) as {
        addresses: { transport: string; scheme: string; host: string; port: number }[];
        certificate: string;
      };
      const port = (scheme: string) => addresses.find((one) => one.scheme === scheme)?.port;
      assert.notEqual(port('http'), 8080);
      // HTTP/3 listens for all, and sends other machines away.
      const tcp = addresses.filter(({ transport }) => transport !== 'http3');
      assert.ok(tcp.every((one) => one.host === '127.0.0.1'));
      const target = `https://localhost:${port('https')}/upload`;
      const result = await run(['send', '-q', '--cacert', certificate, file, target]);
      assert.deepEqual([result.code, result.stdout], [0, `${body.length} bytes\n`], result.stderr);
      child.kill('SIGTERM');
      assert.deepEqual(await endOf(child), [0, null], events.stderr);
    } finally {
      taken.close();
    }
  });
});
