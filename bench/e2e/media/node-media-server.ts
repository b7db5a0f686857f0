import { existsSync } from 'node:fs';
import { Child } from '../child.js';
import type { Workspace } from '../trial.js';
import { SinkReceiver } from './receivers.js';
import type { Received, Receiver, Sent } from './transfer.js';

const NAME = 'node-media-server';
/** npm writes it when everything is there. */
const INSTALLED = new URL('../../peers/node_modules/.package-lock.json', import.meta.url);

export function nodeMediaServerMissing(): string | undefined {
  return existsSync(INSTALLED) ? undefined : `${NAME} is missing. Run npm ci in bench/peers.`;
}

interface Ports {
  readonly rtmp: number;
  readonly rtmps: number;
}

/** node-media-server, which nobody plays from. What it has received are the bytes of its own session. */
export class NodeMediaServer implements Receiver {
  static readonly NAME = NAME;
  readonly ports: Ports;
  readonly #sink: SinkReceiver;

  static async start({ folder, certFile, keyFile }: Workspace): Promise<NodeMediaServer> {
    return new NodeMediaServer(
      await Child.start<Ports>(`${NAME}-sink`, { folder, certFile, keyFile }),
    );
  }

  private constructor(child: Child<Ports>) {
    this.#sink = new SinkReceiver(child);
    this.ports = child.ready;
  }

  get pids(): readonly number[] {
    return this.#sink.pids;
  }

  expect(digest: boolean): Promise<void> {
    return this.#sink.expect(digest);
  }

  /** Of the units: what of the connection is missing is missing of them. */
  async received({ wireBytes = 0 }: Sent, totalBytes: number): Promise<Received> {
    const received = await this.#sink.received();
    return { ...received, bytes: totalBytes - (wireBytes - received.bytes) };
  }

  stop(): Promise<void> {
    return this.#sink.stop();
  }
}
