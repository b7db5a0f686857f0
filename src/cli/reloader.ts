import { UploadResponseError } from '../errors/index.js';
import { FileWatch } from './file-watch.js';
import type { ServeConfig } from './serve-setup.js';

/** What became of a configuration that was read again; an event of `serve --json`. */
export type ReloadEvent =
  | {
      readonly event: 'reloaded';
      readonly changed: readonly string[];
      readonly certificates: readonly string[];
      readonly needRestart: readonly string[];
    }
  | {
      readonly event: 'reload-refused';
      readonly code: string | undefined;
      readonly message: string;
    };

/** Reads the configuration again, one time after the other: at SIGHUP, and when a file has changed. */
export class Reloader {
  readonly #reload: () => Promise<ReloadEvent & { readonly event: 'reloaded' }>;
  readonly #report: (event: ReloadEvent) => void;
  #watch: FileWatch | undefined;
  #wanted = false;
  #running = false;
  #ready = false;

  constructor(
    reload: () => Promise<ReloadEvent & { readonly event: 'reloaded' }>,
    report: (event: ReloadEvent) => void,
  ) {
    this.#reload = reload;
    this.#report = report;
  }

  /** The server listens: what was requested before is done now. `watchMs` 0: only requests count. */
  async start(files: () => readonly string[], watchMs: number): Promise<void> {
    this.#ready = true;
    if (watchMs > 0) {
      this.#watch = new FileWatch(files, watchMs, () => this.request());
      await this.#watch.start();
    }
    void this.#run();
  }

  /** Several requests while one is being done are one more. */
  request(): void {
    this.#wanted = true;
    void this.#run();
  }

  stop(): void {
    this.#ready = false;
    this.#watch?.stop();
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    while (this.#wanted && this.#ready) {
      this.#wanted = false;
      try {
        this.#report(await this.#reload());
      } catch (error) {
        const code = error instanceof UploadResponseError ? error.code : undefined;
        this.#report({ event: 'reload-refused', code, message: (error as Error).message });
      }
    }
    this.#running = false;
  }
}

/** The files whose content counts: the configuration itself, and those that it names. */
export function filesOf(config: ServeConfig, file: string | undefined): string[] {
  const found: string[] = file === undefined ? [] : [file];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key.endsWith('File') && typeof inner === 'string') found.push(inner);
      else visit(inner);
    }
  };
  visit(config);
  return found;
}
