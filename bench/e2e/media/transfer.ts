/** Transfers of which one must come without losses, where there are any. */
const ATTEMPTS = 10;

/** What a receiver has of one transfer. */
export interface Received {
  readonly bytes: number;
  /** When the worker, or the bare sink, had the last byte; CLOCK_MONOTONIC, shared by all processes. */
  readonly lastByteNs: number;
  /** Of what it was told to hash. */
  readonly sha256?: string;
  /** CPU time of each process that the transfer took. */
  readonly cpuSeconds: { readonly server: number; readonly worker: number };
}

/** The receiving end of a trial: a server with a worker, or a bare sink, in fresh processes. */
export interface Receiver {
  /** Processes that measure at real-time priority. */
  readonly pids: readonly number[];
  /** Before each transfer. `digest`: with the SHA-256 of the bytes, where the receiver can. */
  expect(digest: boolean): Promise<void>;
  /** After `expect`, when everything has been sent: waits for the end of the transfer. */
  received(sent: Sent, totalBytes: number): Promise<Received>;
  stop(): Promise<void>;
}

/** What a client says of one transfer. */
export interface Sent {
  /** Just before the first byte. */
  readonly beginNs: number;
  /** When the library had nothing left to send, or got nothing more across. */
  readonly sentNs: number;
  readonly cpuSeconds: number;
  /** Of what a client of RTMP has written since it was allowed to publish, heads of messages and all. */
  readonly wireBytes?: number;
}

/** The sending end: the same program towards every receiver. */
export interface Sender {
  readonly pids: readonly number[];
  /** Resolves when everything is sent. */
  send(totalBytes: number): Promise<Sent>;
  stop(): Promise<void>;
}

/** One transfer, or the mean of several of the same size. */
export interface MediaOutcome {
  readonly totalBytes: number;
  /** From the first byte sent to the last one received. */
  readonly receivedBytesPerSecond: number;
  /** From the first byte sent until the client was done. */
  readonly sentBytesPerSecond: number;
  readonly lostBytes: number;
  readonly cpuSecondsPerGb: Readonly<Record<'client' | 'server' | 'worker', number>>;
}

/** The two ends of one trial. */
export class MediaTrial {
  constructor(
    readonly receiver: Receiver,
    readonly sender: Sender,
  ) {}

  get pids(): readonly number[] {
    return [...this.receiver.pids, ...this.sender.pids];
  }

  /** Sends `totalBytes`, `count` times. */
  async measure(totalBytes: number, count: number): Promise<MediaOutcome> {
    let receiving = 0;
    let sending = 0;
    let arrived = 0;
    const cpu = { client: 0, server: 0, worker: 0 };
    for (let i = 0; i < count; i++) {
      const { sent, received } = await this.#transfer(totalBytes, false);
      receiving += received.lastByteNs - sent.beginNs;
      sending += sent.sentNs - sent.beginNs;
      arrived += received.bytes;
      cpu.client += sent.cpuSeconds;
      cpu.server += received.cpuSeconds.server;
      cpu.worker += received.cpuSeconds.worker;
    }
    const all = totalBytes * count;
    const perGb = (seconds: number) => (seconds * 1e9) / all;
    return {
      totalBytes,
      receivedBytesPerSecond: (arrived * 1e9) / receiving,
      sentBytesPerSecond: (all * 1e9) / sending,
      lostBytes: all - arrived,
      cpuSecondsPerGb: {
        client: perGb(cpu.client),
        server: perGb(cpu.server),
        worker: perGb(cpu.worker),
      },
    };
  }

  /** The SHA-256 of what the receiver had of so many bytes. */
  async digest(totalBytes: number): Promise<string | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { received } = await this.#transfer(totalBytes, true);
      if (received.bytes === totalBytes) return received.sha256;
    }
    throw new Error(`bytes are lost of each transfer of ${totalBytes}`);
  }

  async stop(): Promise<void> {
    await this.sender.stop();
    await this.receiver.stop();
  }

  async #transfer(
    totalBytes: number,
    digest: boolean,
  ): Promise<{ sent: Sent; received: Received }> {
    await this.receiver.expect(digest);
    const sent = await this.sender.send(totalBytes);
    return { sent, received: await this.receiver.received(sent, totalBytes) };
  }
}
