import assert from 'node:assert/strict';
import { type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { devCertificate } from '../../../src/cli/dev-certificate.js';
import { endAll, finish, MAIN, run, start, temporaryFolder } from './support.js';

const folder = temporaryFolder();
const file = join(folder.path, 'body.bin');
const body = Buffer.alloc(300_000, 'upload-response ');

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
let handler: Handler;
let server: Server;
let url: string;

before(async () => {
  writeFileSync(file, body);
  server = createServer((request, response) => handler(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/upload`;
});

after(async () => {
  await endAll();
  server.close();
  server.closeAllConnections();
  folder.remove();
});

/** Everything that a request holds. */
async function collect(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('send', () => {
  it('sends a file with its length and headers, and prints the answer', async () => {
    const seen: { body: Buffer; request: IncomingMessage }[] = [];
    handler = async (request, response) => {
      seen.push({ body: await collect(request), request });
      response.end('stored\n');
    };
    const result = await run(['send', file, url, '-H', 'X-One: 1', '-H', 'x-one:2', '-X', 'POST']);
    assert.deepEqual([result.code, result.stdout], [0, 'stored\n']);
    assert.equal(seen.length, 1);
    const { request, body: received } = seen[0] as (typeof seen)[0];
    assert.ok(received.equals(body));
    assert.equal(request.method, 'POST');
    assert.equal(request.headers['content-length'], String(body.length));
    assert.equal(request.headers['x-one'], '1, 2');
    assert.match(result.stderr, /^200 {2}sent 300\.0 kB in .*\/s\)\n$/);
  });

  it('sends standard input, chunked', async () => {
    handler = async (request, response) => {
      const { length } = await collect(request);
      response.end(`${request.method} ${request.headers['transfer-encoding']} ${length}`);
    };
    const result = await run(['send', '-', url, '--json'], { input: body });
    assert.deepEqual([result.code, result.stdout], [0, `PUT chunked ${body.length}`]);
    const { event, status, bytes } = JSON.parse(result.stderr);
    assert.deepEqual([event, status, bytes], ['sent', 200, body.length]);
  });

  it('says that standard output cannot be written', async () => {
    handler = async (request, response) => {
      await collect(request);
      response.end('stored\n');
    };
    const full = openSync('/dev/full', 'w');
    try {
      const stdio: StdioOptions = ['ignore', full, 'pipe'];
      const child = spawn(process.execPath, [MAIN, 'send', '-q', file, url], { stdio });
      const ended = once(child, 'close');
      const said = await text(child.stderr as Readable);
      assert.equal((await ended)[0], 1);
      assert.equal(said, 'upload-response: standard output cannot be written (ENOSPC)\n');
    } finally {
      closeSync(full);
    }
  });

  it('sends an empty file', async () => {
    const empty = join(folder.path, 'empty');
    writeFileSync(empty, '');
    handler = async (request, response) => {
      response.end(`${request.headers['content-length']} ${(await collect(request)).length}`);
    };
    const result = await run(['send', '-q', empty, url]);
    assert.deepEqual([result.code, result.stdout, result.stderr], [0, '0 0', '']);
  });

  it('prints the answer while the upload goes on', async () => {
    handler = (request, response) => {
      response.writeHead(200);
      request.on('data', (chunk: Buffer) => response.write(chunk.toString().toUpperCase()));
      request.on('end', () => response.end());
    };
    const input = new PassThrough();
    const child = start(['send', '-', url, '-q']);
    input.pipe(child.stdin as NodeJS.WritableStream);
    const done = finish(child);
    for (const word of ['one ', 'two ', 'three ']) {
      input.write(word);
      const [chunk] = await once(child.stdout as NodeJS.ReadableStream, 'data');
      assert.equal(String(chunk), word.toUpperCase());
    }
    input.end();
    const result = await done;
    assert.deepEqual([result.code, result.stdout], [0, 'ONE TWO THREE ']);
  });

  for (const [status, code] of [
    [204, 0],
    [302, 3],
    [404, 4],
    [503, 5],
  ] as const) {
    it(`ends with ${code} for a ${status}`, async () => {
      handler = async (request, response) => {
        await collect(request);
        response.writeHead(status, { location: '/elsewhere' }).end();
      };
      assert.equal((await run(['send', file, url])).code, code);
    });
  }

  it('shows an answer that comes before the body was sent, and its status counts', async () => {
    handler = (request, response) => {
      response.writeHead(413).end('too large');
      // As our server does: what is sent meanwhile is read away, or a reset would eat the answer.
      request.resume();
    };
    const large = join(folder.path, 'large.bin');
    writeFileSync(large, Buffer.alloc(20_000_000));
    const result = await run(['send', large, url, '-q']);
    assert.deepEqual([result.code, result.stdout, result.stderr], [4, 'too large', '']);
  });

  it('tells an answer that breaks off from a whole one', async () => {
    handler = async (request, response) => {
      await collect(request);
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    };
    const result = await run(['send', file, url, '-q']);
    assert.equal(result.code, 7, result.stderr);
    assert.match(result.stderr, /broke off/);
  });

  it('prints status and headers with --include', async () => {
    handler = async (request, response) => {
      await collect(request);
      response.writeHead(201, { 'x-kind': 'test' }).end();
    };
    const result = await run(['send', file, url, '-qi']);
    assert.match(result.stderr, /^HTTP 201\nx-kind: test\n/);
  });

  it('says what is wrong with its arguments', async () => {
    for (const [args, text] of [
      [[join(folder.path, 'none'), url], /none cannot be read \(ENOENT\)/],
      [[folder.path, url], /is a folder/],
      [[file, 'localhost:1'], /is not an http/],
      [[file, url, '-H', 'nonsense'], /is not 'name: value'/],
      [[file, url, '-H', 'expect: 100-continue'], /cannot be sent: .*expect/],
      [[file, url, '-X', 'NO SPACE'], /cannot be sent: .*method/],
      [[file, url, '--cacert', join(folder.path, 'none')], /none cannot be read/],
      [[file], /missing required argument 'url'/],
    ] as const) {
      const result = await run(['send', ...args]);
      assert.equal(result.code, 2, result.stderr);
      assert.match(result.stderr, text);
    }
  });

  it('says that nobody listens', async () => {
    const result = await run(['send', file, 'http://127.0.0.1:1/upload']);
    assert.equal(result.code, 6);
    assert.match(result.stderr, /nobody answers at http:\/\/127\.0\.0\.1:1 \(ECONNREFUSED\)/);
  });

  it('is interrupted by a signal', async () => {
    handler = (request) => void request.resume();
    const child = start(['send', '-', url, '-q']);
    const arrived = once(server, 'request');
    child.stdin?.write('never ending');
    await arrived;
    const done = finish(child);
    child.kill('SIGINT');
    const result = await done;
    assert.equal(result.code, 130, result.stderr);
  });

  it('checks certificates unless it is told which one to trust, or not to', async () => {
    const { certFile, keyFile } = await devCertificate(folder.path);
    const tls = createTlsServer(
      { cert: readFileSync(certFile), key: readFileSync(keyFile) },
      (request, response) => void request.resume().on('end', () => response.end('over tls')),
    ).listen(0, '127.0.0.1');
    await once(tls, 'listening');
    try {
      const target = `https://localhost:${(tls.address() as AddressInfo).port}/`;
      const refused = await run(['send', file, target]);
      assert.equal(refused.code, 1, refused.stderr);
      assert.match(refused.stderr, /is not trusted .*\n.*--cacert/);
      assert.equal((await run(['send', '-k', file, target])).stdout, 'over tls');
      assert.equal((await run(['send', '--cacert', certFile, file, target])).stdout, 'over tls');
    } finally {
      tls.close();
      tls.closeAllConnections();
    }
  });
});
