import { spawnSync } from 'node:child_process';
import { Child } from '../child.js';
import { SinkReceiver } from './receivers.js';
import type { Received, Receiver } from './transfer.js';

const NAME = 'srt-live-transmit';

export function srtLiveTransmitMissing(): string | undefined {
  const { error } = spawnSync(NAME, ['-version'], { stdio: 'ignore' });
  return error && `${NAME} is missing. Install srt-tools.`;
}

/** srt-live-transmit, which writes to a pipe; its CPU time is not known. */
export class SrtLiveTransmit implements Receiver {
  static readonly NAME = NAME;
  readonly #sink: SinkReceiver;
  #port = 0;

  static async start(): Promise<SrtLiveTransmit> {
    return new SrtLiveTransmit(new SinkReceiver(await Child.start(`${NAME}-sink`, {})));
  }

  private constructor(sink: SinkReceiver) {
    this.#sink = sink;
  }

  /** Of the one that waits for the next transfer. */
  get port(): number {
    return this.#port;
  }

  get pids(): readonly number[] {
    return this.#sink.pids;
  }

  async expect(digest: boolean): Promise<void> {
    await this.#sink.expect(digest);
    this.#port = await this.#sink.child.ask<number>('listen');
  }

  async received(): Promise<Received> {
    const received = await this.#sink.received();
    return { ...received, cpuSeconds: { server: Number.NaN, worker: 0 } };
  }

  stop(): Promise<void> {
    return this.#sink.stop();
  }
}
