import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import { ERRORS } from '../../src/errors/index.js';
import { within } from '../support/until.js';
import type { Language } from './program.js';
import type { Scenario, Stage } from './scenario.js';
import { assertTallied } from './tools.js';

/** `UPRCTRL` and 1: docs/segment-format.md, "The control socket". */
const MAGIC = 0x014c525443525055n;

function welcome(status: number, abiMajor: number): Buffer {
  const message = Buffer.alloc(256);
  message.writeBigUInt64LE(MAGIC, 0);
  message.writeInt32LE(status, 8);
  message.writeUInt32LE(abiMajor, 32);
  message.write('told by the test', 40);
  return message;
}

/** What a program says that meets this answer in place of a server's. */
async function saidTo(stage: Stage, answer: Buffer): Promise<string | undefined> {
  const path = stage.server.file('fake.sock');
  const fake = createServer((socket) => socket.on('error', () => {}).end(answer));
  await new Promise<void>((resolve) => fake.listen(path, resolve));
  try {
    const program = stage.spawn({ work: 'tally' }, 0, path);
    const { code } = await program.event('error');
    assert.equal(await within(program.exited, 'its end'), 1, program.stderr);
    return code;
  } finally {
    fake.close();
  }
}

/** Root passes every permission, unless that right is taken from it. */
function mortal(language: Language): Language {
  if (process.getuid?.() !== 0) return language;
  const without = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'] as const;
  return { ...language, command: [...without, ...language.command] };
}

/** Meeting the server, or what is none. */
export const attaching: readonly Scenario[] = [
  {
    name: 'the server is started anew: the worker attaches again by itself',
    places: 1,
    async run(stage) {
      const worker = await stage.start({ work: 'tally' });
      await assertTallied(stage, 10);
      await stage.server.restart();
      await worker.event('detached');
      await worker.event('attached', 2);
      await assertTallied(stage, 20);
    },
  },
  {
    name: 'another version of the format is ABI_MISMATCH',
    places: 1,
    async run(stage) {
      const refused = welcome(-ERRORS.ABI_MISMATCH.number, 99);
      assert.equal(await saidTo(stage, refused), 'ABI_MISMATCH');
    },
  },
  {
    name: 'garbage on the control socket is INVALID_HANDSHAKE',
    places: 1,
    async run(stage) {
      const garbage = Buffer.alloc(256, 'garbage');
      assert.equal(await saidTo(stage, garbage), 'INVALID_HANDSHAKE');
      assert.equal(await saidTo(stage, welcome(0, 1)), 'INVALID_HANDSHAKE');
    },
  },
  {
    name: 'a socket that is not for this user is PERMISSION_DENIED',
    places: 1,
    async run(stage) {
      const { socket } = stage.server.server;
      chmodSync(socket, 0);
      const program = stage.spawn({ work: 'tally' }, 0, socket, mortal(stage.language(0)));
      assert.equal((await program.event('error')).code, 'PERMISSION_DENIED');
      assert.equal(await within(program.exited, 'its end'), 1);
    },
  },
];
