// A process whose threads use the addon and are ended in the middle of it: `node threads.mjs WHAT ROUNDS`
// prints "done" when all of them have ended. `node threads.mjs WHAT exit` does it in the main thread, and
// ends that with process.exit.
import { once } from 'node:events';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const ROOT = process.env.UR_TEST_ROOT ?? fileURLToPath(new URL('../../..', import.meta.url));
const addon = createRequire(import.meta.url)('node-gyp-build')(ROOT);

const POOL = {
  name: 'uploads',
  streams: 4,
  slotSize: 4096,
  requestSlots: 4,
  responseSlots: 4,
  stageSlots: 4,
  readersPerLane: 4,
  stages: [],
};
const SEGMENT = { pools: [POOL], maxWorkers: 4, requiredObservers: [], memory: 'fixed' };
const LISTENER = {
  host: '127.0.0.1',
  port: 0,
  file: true,
  latencyMs: 120,
  highThroughput: false,
  receiveBufferBytes: 1 << 20,
  udpBufferBytes: 1 << 20,
  idleTimeoutMs: 5000,
  maxConnections: 1000,
};
const HELLO = Buffer.alloc(1537);
HELLO[0] = 3;

/** What a thread does; it tells when it is at it. */
const threads = {
  /** Waits for a server that does not answer. */
  attach({ socket }) {
    const options = { socket, name: 'waits', role: 2, observer: '', capacity: 1 };
    addon.attach(options).catch(() => {});
    tell({});
  },

  /** Has a segment, its doorbell, and calls that never pause. */
  calls({ socket }) {
    const segment = addon.create({ ...SEGMENT, warmStreams: 0, socket, name: 'busy' });
    const signals = new Uint32Array(64);
    segment.onWake(() => segment.takeSignals(signals));
    tell({});
    const bytes = new Uint8Array(1000);
    const slots = new Uint32Array(64);
    for (;;) {
      const id = segment.openStream(0, 'test');
      const writer = segment.requestWriter(id);
      const reader = segment.join(id, 0, 0);
      const feed = writer.lend(bytes, 1e6);
      feed.drain();
      writer.takeBack();
      writer.append(bytes, 0, false);
      writer.flush();
      reader.tail(slots, 8);
      segment.streams();
      segment.describe();
      segment.copySlot(id, 0, 9, bytes, slots);
      reader.leave();
      segment.closeStream(id);
      segment.reclaim(id);
    }
  },

  /** Receives from plain sockets that never pause. */
  rtmp() {
    const receivers = new Map();
    const engine = new addon.RtmpEngine(() => {
      for (const number of engine.takeReady()) {
        const receiver = receivers.get(number);
        while (receiver.next()) receiver.goOn();
        engine.goOn(number);
      }
    });
    const server = net.createServer({ pauseOnConnect: true }, (socket) => {
      const receiver = new addon.RtmpReceiver(1 << 20, 1000, false);
      const number = engine.adopt(socket._handle.fd, receiver);
      receivers.set(number, receiver);
      engine.send(number, Buffer.alloc(3073));
    });
    server.listen(0, '127.0.0.1', () => tell({ port: server.address().port }));
  },

  /** Sends to itself without a pause. */
  srt() {
    const bytes = Buffer.alloc(65_536);
    const engine = new addon.Srt(() => {
      for (const { socket } of engine.takeEvents()) {
        engine.write(socket, bytes);
        while (engine.read(socket, bytes) > 0);
        engine.arm(socket, true, true);
      }
    });
    engine.setCredentials({ passphrase: '', users: [] });
    const port = engine.listen(LISTENER);
    const caller = { address: '127.0.0.1', port, streamId: 'x', passphrase: '', keyBytes: 0 };
    const call = () => engine.arm(engine.connect({ ...caller, timeoutMs: 3000 }), false, true);
    for (let i = 0; i < 3; i++) call();
    tell({});
    // Handshakes that are under way at the end.
    setInterval(call, 1);
  },
};

function tell(message) {
  if (parentPort) parentPort.postMessage(message);
  else {
    if (message.port) talk(message.port);
    setTimeout(() => process.exit(0), Math.random() * 50);
  }
}

async function run(what, rounds) {
  const path = join(tmpdir(), `ur-threads-${process.pid}.sock`);
  const callers = new Set();
  const silent = net.createServer((socket) => {
    socket.on('error', () => {});
    callers.add(socket);
  });
  if (what === 'attach') await once(silent.listen(path), 'listening');
  for (let round = 0; round < rounds; round++) {
    const thread = new Worker(new URL(import.meta.url), { workerData: { what, socket: path } });
    const [{ port }] = await once(thread, 'message');
    const sockets = port === undefined ? [] : [1, 2, 3, 4].map(() => talk(port));
    if (what === 'attach' && callers.size === 0) await once(silent, 'connection');
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 50));
    const ended = thread.terminate();
    // It can only end when its attempt has.
    for (const caller of callers) caller.destroy();
    callers.clear();
    await ended;
    for (const socket of sockets) socket.destroy();
  }
  silent.close();
  console.log('done');
}

function talk(port) {
  const socket = net.connect(port, '127.0.0.1', () => socket.write(HELLO));
  socket.on('error', () => {});
  socket.on('data', () => socket.write(Buffer.alloc(4096)));
  return socket;
}

const [, , what, rounds] = process.argv;
if (isMainThread && rounds === 'exit') threads[what]({ socket: '' });
else if (isMainThread) await run(what, Number(rounds));
else threads[workerData.what](workerData);
