// WebSocket, raw TCP, and SRT: bytes that are the body as they are.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { unitOf } from './unit.mjs';

export async function websocket(index, { port }) {
  const upload = new WebSocket(`ws://127.0.0.1:${port}/upload/${index}`);
  await once(upload, 'open');
  return {
    send: (id, fps, bytes) => upload.send(unitOf(id, fps, bytes)),
    async end() {
      upload.close(1000);
      await once(upload, 'close');
    },
  };
}

export async function tcp(_, { port }) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  socket.resume();
  return {
    send: (id, fps, bytes) => socket.write(unitOf(id, fps, bytes)),
    async end() {
      const closed = once(socket, 'close');
      socket.end();
      await closed;
    },
  };
}

/** libsrt has no Node.js client: a process of its own, which keeps its own time. */
export async function srt(index, { port, passphrase }) {
  const script = fileURLToPath(new URL('../srt-publisher.py', import.meta.url));
  const args = [script, String(port), `publisher-${index}`];
  if (passphrase !== undefined) args.push(passphrase);
  const child = spawn('python3', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const expect = async (word) => {
    const { value } = await lines.next();
    if (value !== word) throw new Error(`the SRT caller has ended before it ${word}`);
  };
  await expect('connected');
  return {
    async run({ fps, frames, bytes }) {
      child.stdin.write(`${fps} ${frames} ${bytes}\n`);
      await expect('sent');
    },
    async end() {
      // Longer than the latency for which the server keeps packets.
      await delay(1000);
      child.stdin.end('\n');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}
