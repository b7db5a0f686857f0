import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { connect } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from './support/server-process.js';

// UR_LARGE_BYTES: how much goes through; UR_LARGE_RATE: how fast the worker reads, in bytes a second.
const total = Number(process.env.UR_LARGE_BYTES ?? 10_000_000_000);
const rate = Number(process.env.UR_LARGE_RATE ?? 400_000_000);
const RING_SLOTS = 256; // of 64 KiB: 16 MiB
const RSS_LIMIT = 200_000_000;

const script = fileURLToPath(new URL('./support/slow-worker.mjs', import.meta.url));

test('an upload larger than any memory passes through a 16 MiB ring', {
  timeout: 300_000,
}, async (t) => {
  const server = await ServerProcess.start({
    segment: {
      pools: [{ name: 'uploads', streams: 1, requestSlots: RING_SLOTS, responseSlots: 4 }],
      maxWorkers: 4,
    },
    http: { port: 0 },
  });
  let worker: ChildProcess | undefined;
  try {
    worker = fork(script, [server.socket, String(rate)]);
    await new Promise((resolve) => worker?.once('message', resolve));
    const began = performance.now();
    const { answer, waits } = await send(server.port, total);
    const seconds = (performance.now() - began) / 1000;
    const { peakRss } = await server.state();
    t.diagnostic(
      `${total} bytes in ${seconds.toFixed(1)} s, ${Math.round(total / 1e6 / seconds)} MB/s; ` +
        `the client waited ${waits} times; peak RSS ${Math.round(peakRss / 1e6)} MB`,
    );
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.equal(
      JSON.parse(answer.slice(answer.indexOf('{'), answer.indexOf('}') + 1)).bytes,
      total,
    );
    assert.ok(peakRss < RSS_LIMIT, `peak RSS ${peakRss}`);
    assert.ok(waits > 100, 'the client was slowed');
    await server.free(1, 30_000);
  } finally {
    worker?.kill('SIGKILL');
    await server.stop();
  }
});

/** Sends `size` bytes as fast as the socket takes them; resolves with the raw answer. */
function send(port: number, size: number): Promise<{ answer: string; waits: number }> {
  const chunk = Buffer.alloc(1 << 18, 'upload');
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let left = size;
    let waits = 0;
    let answer = '';
    const pump = () => {
      while (left > 0) {
        const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
        left -= part.length;
        if (!socket.write(part)) {
          waits++;
          socket.once('drain', pump);
          return;
        }
      }
    };
    socket.write(
      `POST /upload/large HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${size}\r\n` +
        'Connection: close\r\n\r\n',
    );
    socket.on('connect', pump);
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
    });
    socket.on('end', () => resolve({ answer, waits }));
    socket.on('error', reject);
  });
}
