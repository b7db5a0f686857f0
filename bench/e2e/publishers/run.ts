import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BoundAddress } from '../../../src/transports/transport.js';
import { Child } from '../child.js';
import type { Cpu, Workspace } from '../trial.js';
import type { LiveProtocol } from './protocols.js';

/** What publishers send, each of them. */
export interface Load {
  readonly publishers: number;
  readonly fps: number;
  readonly bytes: number;
  readonly seconds: number;
}

export interface LiveOutcome {
  readonly units: number;
  readonly sentUnits: number;
  readonly gaps: number;
  /** Of each unit, from its client's write to the worker's hand. */
  readonly ns: readonly number[];
  readonly seconds: number;
  readonly cpuSeconds: Readonly<Record<'client' | 'server' | 'worker', number>>;
}

interface Seen {
  readonly streams: number;
  readonly ended: number;
  readonly units: number;
  readonly gaps: number;
  readonly ns: readonly number[];
}

const WATCHDOG_MS = 120_000;

/** Publishers of one protocol, in fresh processes; undefined: the server does not listen for it here. Rejects
 *  where something was lost. */
export async function runPublishers(
  protocol: LiveProtocol,
  load: Load,
  workspace: Workspace,
): Promise<LiveOutcome | undefined> {
  const { certFile, keyFile } = workspace;
  const socket = join(workspace.folder, 'publishers.sock');
  const transports = protocol.config?.(workspace) ?? {};
  const children: Child[] = [];
  try {
    const options = { socket, certFile, keyFile, transports };
    const server = await Child.start<{ addresses: readonly BoundAddress[] }>(
      'upload-server',
      options,
    );
    children.push(server);
    const worker = await Child.start('unit-worker', { socket });
    children.unshift(worker);
    const address = server.ready.addresses.find(
      ({ transport, scheme }) => transport === protocol.transport && scheme === protocol.scheme,
    );
    if (!address) return undefined;
    const { publisher } = protocol;
    const client = await Child.start('live-publishers', {
      ...{ publisher, port: address.port },
      ...protocol.options,
    });
    children.unshift(client);
    const frames = Math.round(load.fps * load.seconds);
    const { fps, bytes, publishers } = load;
    await client.ask('open', { count: publishers, frames, bytes });
    const before = await cpuOf({ client, server, worker });
    const start = performance.now();
    await client.ask('run', { fps, frames, bytes });
    const seconds = (performance.now() - start) / 1000;
    const after = await cpuOf({ client, server, worker });
    await client.ask('end');
    const seen = await ended(worker, publishers);
    const { units, gaps, ns } = seen;
    const sentUnits = frames * publishers;
    if (units !== sentUnits || gaps > 0) {
      throw new Error(`${protocol.label}: ${units} of ${sentUnits} units came, with ${gaps} gaps`);
    }
    const cpuSeconds = {
      client: after.client - before.client,
      server: after.server - before.server,
      worker: after.worker - before.worker,
    };
    return { units, sentUnits, gaps, ns, seconds, cpuSeconds };
  } finally {
    for (const child of children) await child.stop();
  }
}

async function cpuOf(children: Record<'client' | 'server' | 'worker', Child>) {
  const { client, server, worker } = children;
  const seconds = async (child: Child) => (await child.ask<Cpu>('cpu')).cpuSeconds;
  const spent = { client: await seconds(client), server: await seconds(server) };
  return { ...spent, worker: await seconds(worker) };
}

/** What the worker has seen, once every stream has ended. */
async function ended(worker: Child, streams: number): Promise<Seen> {
  const end = performance.now() + WATCHDOG_MS;
  for (;;) {
    const seen = await worker.ask<Seen>('seen');
    if (seen.ended >= streams || performance.now() > end) return seen;
    await delay(20);
  }
}
