import type { Socket } from 'node:net';
import type { Admission } from '../../admission/index.js';
import type { UploadResponseError } from '../../errors/index.js';
import type { ReloadStep } from '../../http/index.js';
import type { Ingress, Logger } from '../../ingress/index.js';
import { OpenConnections } from '../open-connections.js';
import { OwnListeners } from '../own-listeners.js';
import type { BoundAddress, Transport, TransportContext, TransportStats } from '../transport.js';
import type { TcpConfig } from './config.js';
import { type TcpHost, TcpUpload } from './tcp-upload.js';

/** Raw TCP and TLS, on ports of their own. */
export class TcpTransport implements Transport, TcpHost {
  readonly name = 'tcp';
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  config: TcpConfig;
  readonly #log: Logger;
  readonly #listeners: OwnListeners;
  readonly #uploads = new OpenConnections<TcpUpload>((upload) => upload.cut());

  /** @throws UploadResponseError UNKNOWN_POOL */
  constructor({ ingress, config, admission, connections, log }: TransportContext<TcpConfig>) {
    this.ingress = ingress;
    this.admission = admission;
    this.pool = ingress.poolIndex(config.pool);
    this.config = config;
    this.#log = log;
    this.#listeners = new OwnListeners({
      transport: this.name,
      schemes: { plain: 'tcp', tls: 'tls' },
      plain: {},
      secure: {},
      handshakeTimeoutMs: config.firstBytesTimeoutMs,
      connections,
      take: (socket) => this.#accept(socket),
      refused: (error) => this.refused(error),
    });
  }

  async listen(): Promise<readonly BoundAddress[]> {
    if (!this.config.enabled) return [];
    try {
      return await this.#listeners.listen(this.config);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  reload(config: TcpConfig): ReloadStep {
    const { commit, ...step } = this.#listeners.reload(config);
    return {
      ...step,
      commit: () => {
        commit();
        this.config = config;
      },
    };
  }

  requested(): void {
    this.#uploads.request();
  }

  refused(error: UploadResponseError): void {
    this.#uploads.refused(error);
    this.#log.debug({ transport: this.name, code: error.code }, error.message);
  }

  async drain(signal: AbortSignal): Promise<void> {
    await this.#uploads.drain(signal, () => {
      this.#listeners.stop();
      for (const upload of [...this.#uploads]) upload.drain();
    });
  }

  async close(): Promise<void> {
    this.#listeners.stop();
    await this.#uploads.close();
  }

  stats(): TransportStats {
    const { certificateExpiresAt } = this.#listeners;
    return { ...this.#uploads.stats(), certificateExpiresAt };
  }

  #accept(socket: Socket): void {
    // Not before: who leaves within the handshake would keep its connection until the time-out.
    socket.allowHalfOpen = true;
    const upload = new TcpUpload(this, socket);
    this.#uploads.add(upload);
    socket.once('close', () => this.#uploads.delete(upload));
    // Its handshake began before the drain did.
    if (this.#uploads.draining) upload.drain();
  }
}
