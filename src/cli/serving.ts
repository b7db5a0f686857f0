import type { UploadResponseServer } from '../server.js';
import type { Address } from './announcement.js';
import type { ServeConfig } from './serve-setup.js';

/** The server that `serve` runs: in this process, or in several others. */
export interface Serving {
  /** Resolves when every address is bound. */
  listen(): Promise<readonly Address[]>;
  /** Refuses what is new, finishes what runs (`shutdown.drainTimeoutMs`), and ends. */
  stop(): Promise<void>;
  /** Ends at once. Idempotent, never throws. */
  close(): Promise<void>;
}

/** The server in this process. */
export class ServingHere implements Serving {
  readonly #config: ServeConfig;
  #server: UploadResponseServer | undefined;

  constructor(config: ServeConfig) {
    this.#config = config;
  }

  async listen(): Promise<readonly Address[]> {
    const { createServer } = await import('../server.js');
    this.#server = await createServer(this.#config);
    return this.#server.listen();
  }

  async stop(): Promise<void> {
    await this.#server?.drain(AbortSignal.timeout(this.#config.shutdown.drainTimeoutMs));
    await this.close();
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }
}
