import type { Child } from '../child.js';
import type { Cpu } from '../trial.js';
import type { Sender, Sent } from './transfer.js';

/** A client that is a process of `processes/` and answers `send`. */
export class ChildSender implements Sender {
  readonly #client: Child;

  constructor(client: Child) {
    this.#client = client;
  }

  get pids(): readonly number[] {
    return [this.#client.pid];
  }

  async send(totalBytes: number): Promise<Sent> {
    const before = await this.#client.ask<Cpu>('cpu');
    const times = await this.#client.ask<Omit<Sent, 'cpuSeconds'>>('send', { totalBytes });
    const after = await this.#client.ask<Cpu>('cpu');
    return { ...times, cpuSeconds: after.cpuSeconds - before.cpuSeconds };
  }

  stop(): Promise<void> {
    return this.#client.stop();
  }
}
