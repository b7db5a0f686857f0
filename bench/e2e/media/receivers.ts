import { join } from 'node:path';
import type { BoundAddress } from '../../../src/transports/transport.js';
import { Child } from '../child.js';
import type { Cpu, Workspace } from '../trial.js';
import type { Received, Receiver } from './transfer.js';

type Receipt = Omit<Received, 'cpuSeconds'>;

/** A process of `processes/` that keeps a receipt. `cpu`: of it alone. */
class ReceiptChild {
  #cpuBefore = 0;

  constructor(readonly child: Child) {}

  async expect(digest: boolean): Promise<void> {
    await this.child.ask('expect', { digest });
    this.#cpuBefore = await cpuOf(this.child);
  }

  async received(): Promise<Receipt & { cpuSeconds: number }> {
    const receipt = await this.child.ask<Receipt>('received');
    return { ...receipt, cpuSeconds: (await cpuOf(this.child)) - this.#cpuBefore };
  }
}

/** This project's server with some transports, and a worker. */
export class RingReceiver implements Receiver {
  readonly #server: Child<{ readonly addresses: readonly BoundAddress[] }>;
  readonly #worker: ReceiptChild;
  #serverCpuBefore = 0;

  static async start(transports: object, workspace: Workspace): Promise<RingReceiver> {
    const { folder, certFile, keyFile } = workspace;
    const socket = join(folder, 'control.sock');
    const server = await Child.start<{ addresses: BoundAddress[] }>('upload-server', {
      ...{ socket, certFile, keyFile, transports },
    });
    return new RingReceiver(server, await Child.start('media-worker', { socket }));
  }

  private constructor(
    server: Child<{ readonly addresses: readonly BoundAddress[] }>,
    worker: Child,
  ) {
    this.#server = server;
    this.#worker = new ReceiptChild(worker);
  }

  get pids(): readonly number[] {
    return [this.#server.pid, this.#worker.child.pid];
  }

  /** Ports of a transport, in its own order. */
  portsOf(transport: string): readonly number[] {
    return this.#server.ready.addresses
      .filter((one) => one.transport === transport)
      .map(({ port }) => port);
  }

  async expect(digest: boolean): Promise<void> {
    await this.#worker.expect(digest);
    this.#serverCpuBefore = await cpuOf(this.#server);
  }

  async received(): Promise<Received> {
    const { cpuSeconds: worker, ...receipt } = await this.#worker.received();
    const server = (await cpuOf(this.#server)) - this.#serverCpuBefore;
    return { ...receipt, cpuSeconds: { server, worker } };
  }

  async stop(): Promise<void> {
    await this.#worker.child.stop();
    await this.#server.stop();
  }
}

/** A bare sink that is a process of `processes/`. */
export class SinkReceiver implements Receiver {
  readonly #sink: ReceiptChild;

  constructor(readonly child: Child) {
    this.#sink = new ReceiptChild(child);
  }

  get pids(): readonly number[] {
    return [this.child.pid];
  }

  expect(digest: boolean): Promise<void> {
    return this.#sink.expect(digest);
  }

  async received(): Promise<Received> {
    const { cpuSeconds: server, ...receipt } = await this.#sink.received();
    return { ...receipt, cpuSeconds: { server, worker: 0 } };
  }

  stop(): Promise<void> {
    return this.child.stop();
  }
}

async function cpuOf(child: Child): Promise<number> {
  const { cpuSeconds } = await child.ask<Cpu>('cpu');
  return cpuSeconds;
}
