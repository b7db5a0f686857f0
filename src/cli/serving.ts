import type { ReloadReport, ReloadSource, UploadResponseServer } from '../server.js';
import type { Listening } from './announcement.js';
import { drainDeadlineMs, type ServeConfig } from './serve-setup.js';

/** The server that `serve` runs: in this process, or in several others. */
export interface Serving {
  /** With what it runs. */
  readonly config: ServeConfig;
  /** Resolves when every address is bound. */
  listen(): Promise<Listening>;
  /** Takes over what can be changed. Rejects with what `read` throws, or what the server does not
   *  accept: then everything is as before. The server logs both. */
  reload(read: () => Promise<ReloadSource>): Promise<ReloadReport>;
  /** Refuses what is new, finishes what runs (`shutdown.drainTimeoutMs`), and ends. */
  stop(): Promise<void>;
  /** Ends at once. Idempotent, never throws. */
  close(): Promise<void>;
}

/** The server in this process. */
export class ServingHere implements Serving {
  config: ServeConfig;
  #server: UploadResponseServer | undefined;

  constructor(config: ServeConfig) {
    this.config = config;
  }

  async listen(): Promise<Listening> {
    const { createServer } = await import('../server.js');
    this.#server = await createServer(this.config);
    return { addresses: await this.#server.listen(), admin: this.#server.admin };
  }

  async reload(read: () => Promise<ReloadSource>): Promise<ReloadReport> {
    if (!this.#server) throw new Error('the server is not there yet');
    const report = await this.#server.reload(read);
    this.config = { ...this.config, ...report.config, segment: this.config.segment };
    return report;
  }

  async stop(): Promise<void> {
    await this.#server?.drain(AbortSignal.timeout(drainDeadlineMs(this.config.shutdown)));
    await this.close();
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }
}
