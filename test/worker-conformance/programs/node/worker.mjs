// The program of the Node.js SDK: ../../README.md says what it does.

import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { accessUnits, attach, stopOnSignals } from '../../../../dist/worker/index.js';

const [socket, role, work, argument] = process.argv.slice(2);
const report = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const die = () => process.kill(process.pid, 'SIGKILL');

const words = createInterface({ input: process.stdin });
words.on('close', () => process.exit(0));
const word = () => new Promise((resolve) => words.once('line', resolve));

class Tally {
  bytes = 0;
  #crc = 0;
  add(bytes) {
    this.bytes += bytes.length;
    this.#crc = crc32(bytes, this.#crc);
  }
  get crc32() {
    return this.#crc.toString(16).padStart(8, '0');
  }
  toString() {
    return `${this.bytes} ${this.crc32}\n`;
  }
}

/** Reads the whole body and reports it. */
async function read({ id, request }, each = () => undefined) {
  const tally = new Tally();
  for await (const chunk of request.body) {
    const { bytes } = chunk;
    if (tally.bytes === 0) report({ event: 'reading', stream: id });
    tally.add(bytes);
    await each(bytes, chunk);
  }
  report({ event: 'read', stream: id, bytes: tally.bytes, crc32: tally.crc32 });
  return tally;
}

/** Reads the body as access units and reports them. */
async function readUnits({ id, request }) {
  const tally = new Tally();
  let units = 0;
  let first = -1;
  let keys = 0;
  for await (const unit of accessUnits(request.body)) {
    if (units++ === 0) {
      first = unit.id;
      report({ event: 'reading', stream: id });
    }
    tally.add(unit.data);
    if (unit.key) keys++;
    if (argument) appendFileSync(`${argument}/${unit.streamType}-${unit.track}`, unit.data);
  }
  const { bytes, crc32 } = tally;
  report({ event: 'units', stream: id, units, first, keys, bytes, crc32 });
  return tally;
}

const slowly = () => delay(Number(argument ?? 2));

const responders = {
  async tally(exchange) {
    const tally = await read(exchange);
    await exchange.respond(200).end(`${tally}`);
  },
  async slow(exchange) {
    const tally = await read(exchange, slowly);
    await exchange.respond(200).end(`${tally}`);
  },
  async units(exchange) {
    const tally = await readUnits(exchange);
    await exchange.respond(200).end(`${tally}`);
  },
  async overlap(exchange) {
    const response = exchange.respond(200);
    await response.write('first\n');
    await response.end(`${await read(exchange)}`);
  },
  async echo(exchange) {
    const response = exchange.respond(200);
    await read(exchange, (bytes) => response.write(bytes));
    await response.end(undefined, { 'x-end': 'yes' });
  },
  async early({ request, respond }) {
    void request.body.discard();
    await respond(200).end('early\n');
  },
  async pin({ request, respond }) {
    const rest = new Tally();
    const first = (await request.body.pull()).retain();
    for await (const { bytes } of request.body) rest.add(bytes);
    const kept = new Tally();
    kept.add(first.bytes);
    first.release();
    await respond(200).end(`${kept}${rest}`);
  },
  async hoard(exchange) {
    const kept = [];
    const tally = await read(exchange, (_, chunk) => {
      kept.push(chunk.retain());
      if (kept.length > 3) for (const one of kept.splice(0, 2).reverse()) one.release();
    });
    for (const one of kept) one.release();
    await exchange.respond(200).end(`${tally}`);
  },
  chaos: (exchange) => responders[exchange.request.header('x-work')](exchange),
  async hold(exchange) {
    await word();
    await responders.tally(exchange);
  },
  async stage({ request, respond, readStage }) {
    const response = respond(200);
    for await (const { bytes } of readStage(argument)) {
      // Not before: the request is kept for the one that writes the stage.
      if (!request.body.used) void request.body.discard();
      await response.write(bytes);
    }
    await response.end();
  },
  async fail(exchange) {
    await read(exchange);
    exchange.fail();
  },
  async wait(exchange) {
    exchange.respond(200);
    await read(exchange);
    await new Promise((resolve) => exchange.signal.addEventListener('abort', resolve));
    throw exchange.signal.reason;
  },
  async die(exchange) {
    if (argument === 'after-claim') die();
    if (argument === 'reading') await read(exchange, die);
    const response = exchange.respond(200);
    if (argument === 'mid-body') await response.write('begun\n');
    await word();
    die();
  },
};

const observers = {
  tally: (observation) => read(observation),
  slow: (observation) => read(observation, slowly),
  units: readUnits,
  async stage(observation) {
    const stage = observation.stage(argument);
    await read(observation, (bytes) => stage.write(bytes.map((byte) => ~byte)));
    await stage.end();
  },
  die: (observation) => read(observation, die),
  async pass(observation) {
    await read(observation);
    observation.pass();
  },
  async veto(observation) {
    await read(observation);
    observation.veto(422, 'refused');
  },
};

function onEvent(event) {
  if (event.type === 'attached' || event.type === 'detached') report({ event: event.type });
  if (event.type === 'missed') report({ event: 'missed', stream: event.id });
}

function filter() {
  if (role === 'responder' && argument === 'before-claim') die();
  return true;
}

const [, required] = role.split(':');
const plain = role === 'observer' || role === 'late';
const observer = required ? { name: required, required: true } : plain || undefined;
const works = observer ? observers : responders;
try {
  const verify = work === 'chaos';
  const name = `node-${work}`;
  const from = role === 'late' ? 'keyframe' : 'start';
  const worker = await attach({ socket, name, observer, verify, from, filter, onEvent });
  stopOnSignals(worker);
  await worker.run(async (exchange) => {
    const { id: stream } = exchange;
    report({ event: 'taken', stream });
    try {
      await works[work](exchange);
    } catch (error) {
      report({ event: 'failed', stream, code: error.code ?? String(error) });
      throw error;
    }
  });
  process.exit(0);
} catch (error) {
  report({ event: 'error', code: error.code ?? String(error) });
  process.exit(1);
}
