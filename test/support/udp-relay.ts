import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

export interface RelayOptions {
  /** Between 0 and 1, of each direction. */
  readonly loss: number;
  /** What may be lost; the encrypted media of WebRTC if it is left out. */
  readonly affects?: (datagram: Buffer) => boolean;
  readonly delayMs: number;
  /** Datagrams are delayed by up to this more, each for itself: they overtake one another. */
  readonly spreadMs: number;
  /** From 0 to 1. */
  readonly random: () => number;
}

/**
 * Stands between a client and a server of UDP, and loses, delays and reorders what is between them.
 * Close it.
 */
export class UdpRelay {
  lost = 0;
  passed = 0;
  /** Nothing passes any more. */
  cut = false;
  readonly #timers = new Set<NodeJS.Timeout>();
  #client: { readonly port: number; readonly address: string } | undefined;

  /** To a server at this address. */
  static async start(host: string, port: number, options: RelayOptions): Promise<UdpRelay> {
    const [outside, inside] = [createSocket('udp4'), createSocket('udp4')];
    outside.bind(0, host);
    inside.bind(0, host);
    await Promise.all([once(outside, 'listening'), once(inside, 'listening')]);
    // What comes while this process stands still is not to be lost by chance.
    for (const socket of [outside, inside]) socket.setRecvBufferSize(2 ** 20);
    return new UdpRelay(outside, inside, host, port, options);
  }

  private constructor(
    readonly outside: Socket,
    readonly inside: Socket,
    host: string,
    port: number,
    readonly options: RelayOptions,
  ) {
    outside.on('message', (datagram, { address, port: from }) => {
      this.#client = { address, port: from };
      this.#pass(datagram, () => inside.send(datagram, port, host));
    });
    inside.on('message', (datagram) => {
      const client = this.#client;
      if (client) this.#pass(datagram, () => outside.send(datagram, client.port, client.address));
    });
  }

  get port(): number {
    return this.outside.address().port;
  }

  close(): void {
    this.cut = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.outside.close();
    this.inside.close();
  }

  #pass(datagram: Buffer, send: () => void): void {
    if (this.cut) return;
    const { loss, delayMs, spreadMs, random, affects = isMedia } = this.options;
    if (!affects(datagram)) {
      send();
      return;
    }
    if (random() < loss) {
      this.lost++;
      return;
    }
    this.passed++;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        if (!this.cut) send();
      },
      delayMs + random() * spreadMs,
    );
    this.#timers.add(timer);
  }
}

/** SRTP and SRTCP, by their first byte (RFC 7983). */
function isMedia(datagram: Buffer): boolean {
  const [first = 0] = datagram;
  return first >= 128 && first <= 191;
}

/** An answer that knows the relay only, and where the server is. */
export async function throughRelay(
  sdp: string,
  options: RelayOptions,
): Promise<{ readonly sdp: string; readonly relay: UdpRelay }> {
  const candidate = /^a=candidate:\S+ 1 UDP \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host$/m;
  const [, host = '', port = ''] = candidate.exec(sdp.replaceAll('\r', '')) ?? [];
  const relay = await UdpRelay.start(host, Number(port), options);
  const lines = sdp
    .split('\r\n')
    .filter((line) => !line.startsWith('a=candidate:') || line.includes(` ${host} `))
    .map((line) =>
      line.startsWith('a=candidate:') ? line.replace(` ${port} `, ` ${relay.port} `) : line,
    );
  return { sdp: lines.join('\r\n'), relay };
}
