// The worker of bench:workers in JavaScript: what worker.c is in C. ../README.md says what goes in and out.

import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import xxhash from 'xxhash-addon';
import { attach } from '../../../dist/worker/index.js';

const REPORT = 512;
const MESSAGE = 64;
const [from, address, kind] = process.argv.slice(2);
const echo = kind === 'echo';

/** `body`: async iterable of bytes, each valid until the next. `write` may return a promise. */
async function work(body, write) {
  const before = process.cpuUsage();
  const hash = new xxhash.XXHash3(Buffer.alloc(8));
  const ages = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (echo) {
      hash.update(chunk);
      const written = write(chunk);
      if (written) await written;
    }
    for (let at = 0; !echo && at + MESSAGE <= chunk.length; at += MESSAGE) {
      ages.push(process.hrtime.bigint() - chunk.readBigUInt64LE(at));
    }
  }
  await write(Buffer.from(BigUint64Array.from(ages).buffer));
  const { user, system } = process.cpuUsage(before);
  const digest = hash.digest().toString('hex');
  const report = JSON.stringify({ bytes, hash: digest, cpuSeconds: (user + system) / 1e6 });
  await write(Buffer.from(report.padEnd(REPORT)));
}

const asBuffer = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

async function* slots(request) {
  for await (const { bytes } of request.body) yield asBuffer(bytes);
}

/** Waits when the stream asks for it. */
const writerOf = (stream) => (bytes) =>
  stream.write(bytes) ? undefined : new Promise((resolve) => stream.once('drain', resolve));

async function* take(socket, first, left) {
  if (first.length > 0) yield first;
  for (let rest = left - first.length; rest > 0; ) {
    const chunk = socket.read();
    if (chunk === null) {
      await new Promise((resolve) => socket.once('readable', resolve));
      continue;
    }
    rest -= chunk.length;
    yield chunk;
  }
}

const ready = (text) => process.stdout.write(`${text}\n`);

async function serveRing() {
  const worker = await attach({ socket: address });
  void worker.run(async ({ request, respond }) => {
    const response = respond(200);
    await work(slots(request), (bytes) => (bytes.length > 0 ? response.write(bytes) : undefined));
    await response.end();
  });
  ready('ready');
}

function serveUnix() {
  const server = createServer(async (socket) => {
    await new Promise((resolve) => socket.once('readable', resolve));
    const first = socket.read();
    const length = Number(first.readBigUInt64LE());
    await work(take(socket, first.subarray(8), length), writerOf(socket));
    socket.end();
  });
  server.listen(address, () => ready('ready'));
}

function serveHttp() {
  const server = createHttpServer(async (request, response) => {
    const length = Number(request.headers['content-length']);
    const answer = (echo ? length : (length / MESSAGE) * 8) + REPORT;
    response.writeHead(200, { 'content-length': answer });
    await work(request, writerOf(response));
    response.end();
  });
  server.listen(0, '127.0.0.1', () => ready(server.address().port));
}

const serve = { ring: serveRing, unix: serveUnix, http: serveHttp }[from];
process.stdin.on('end', () => process.exit(0)).resume();
await serve();
