import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Child } from '../child.js';
import type { Cpu, Workspace } from '../trial.js';

/** Protocols of publishers, and where the server listens for them. */
export const PORTS = { rtmp: 'rtmp', srt: 'srt', http1: 'http', websocket: 'ws' } as const;
export type LiveProtocol = keyof typeof PORTS;

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

interface Address {
  readonly scheme: string;
  readonly port: number;
}

const WATCHDOG_MS = 120_000;

/** Publishers of one protocol, in fresh processes; undefined: the server has been built without it. Rejects
 *  where something was lost. */
export async function runPublishers(
  protocol: LiveProtocol,
  load: Load,
  { folder, certFile, keyFile }: Workspace,
): Promise<LiveOutcome | undefined> {
  const socket = join(folder, `${protocol}.sock`);
  const transports = { rtmp: { enabled: true, port: 0 }, srt: { enabled: true, port: 0 } };
  const children: Child[] = [];
  try {
    const server = await Child.start<{ addresses: readonly Address[] }>('upload-server', {
      socket,
      certFile,
      keyFile,
      transports,
    });
    children.push(server);
    const worker = await Child.start('unit-worker', { socket });
    children.unshift(worker);
    const port = server.ready.addresses.find(({ scheme }) => scheme === PORTS[protocol])?.port;
    if (port === undefined) return undefined;
    const client = await Child.start('live-publishers', { protocol, port });
    children.unshift(client);
    await client.ask('open', { count: load.publishers });
    const before = await cpuOf({ client, server, worker });
    const frames = Math.round(load.fps * load.seconds);
    const start = performance.now();
    await client.ask('run', { fps: load.fps, frames, bytes: load.bytes });
    const seconds = (performance.now() - start) / 1000;
    const after = await cpuOf({ client, server, worker });
    await client.ask('end');
    const seen = await ended(worker, load.publishers);
    const { units, gaps, ns } = seen;
    const sentUnits = frames * load.publishers;
    if (units !== sentUnits || gaps > 0) {
      throw new Error(`${protocol}: ${units} of ${sentUnits} units came, with ${gaps} gaps`);
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
