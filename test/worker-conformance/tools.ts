import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { post, sample } from '../conformance/tools.js';
import { within } from '../support/until.js';
import type { ProgramEvent } from './program.js';
import type { Stage } from './scenario.js';

export { errorOf, post, pour, SLOT, sample } from '../conformance/tools.js';

const hex = (crc: number) => crc.toString(16).padStart(8, '0');

/** What README.md calls a tally. */
export function tallyOf(...parts: readonly Uint8Array[]): string {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  return `${bytes} ${hex(parts.reduce((crc, part) => crc32(part, crc), 0))}\n`;
}

/** A program has read exactly this body. */
export function assertRead(event: ProgramEvent, body: Uint8Array): void {
  assert.equal(`${event.bytes} ${event.crc32}\n`, tallyOf(body));
}

/** Sends a body of `size` bytes as a whole; the answer must be its tally. */
export async function assertTallied({ client, server }: Stage, size: number): Promise<void> {
  const body = sample(size);
  const answer = await post(client, server, { path: '/upload/x', length: size }, body);
  assert.equal(await within(answer.text(), 'the answer'), tallyOf(body));
  assert.equal(answer.status, 200);
}
