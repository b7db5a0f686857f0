import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { CreateOptions } from '../../../src/native/index.js';
import { Segment, WorkerRole } from '../../../src/ring/index.js';

export const SLOT_BYTES = 1024;
export const SLOTS = 4;

/** Options of a small segment whose socket goes with the test. */
export function smallSegment(t: TestContext, changes: Partial<CreateOptions> = {}): CreateOptions {
  const folder = mkdtempSync(join(tmpdir(), 'ur-ring-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return {
    socket: join(folder, 'control.sock'),
    name: 'test server',
    maxWorkers: 4,
    requiredObservers: ['scan'],
    memory: 'fixed',
    warmStreams: 0,
    pools: [
      {
        name: 'main',
        streams: 2,
        slotSize: SLOT_BYTES,
        requestSlots: SLOTS,
        responseSlots: SLOTS,
        stageSlots: 2,
        stages: ['text'],
        readersPerLane: 3,
      },
    ],
    ...changes,
  };
}

/** A segment as its server has it, and as a worker has it: a mapping and a row of its own. */
export async function serverAndWorker(t: TestContext) {
  const options = smallSegment(t);
  const server = Segment.create(options);
  t.after(() => server.close());
  const worker = await attach(t, options.socket);
  return { server, worker, id: server.native.openStream(0, 'test'), socket: options.socket };
}

export async function attach(
  t: TestContext,
  socket: string,
  role: number = WorkerRole.responder | WorkerRole.observer,
  observer = '',
): Promise<Segment> {
  const segment = await Segment.attach({
    socket,
    name: 'test worker',
    role,
    observer,
    capacity: 2,
  });
  t.after(() => segment.close());
  return segment;
}

/** Bytes that show which slot they are of, and where in it. */
export function content(slot: number, length = 100): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (slot * 31 + i * 7) & 0xff);
}
