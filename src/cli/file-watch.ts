import { stat } from 'node:fs/promises';

/**
 * Tells when files have changed: their bytes, or which file a name or a symbolic link stands for. It
 * looks instead of being told, since that also sees links swapped further up (as Kubernetes does),
 * files that were missing, and network file systems. What is still being written is left alone until
 * two looks have found the same.
 */
export class FileWatch {
  readonly #files: () => readonly string[];
  readonly #intervalMs: number;
  readonly #onChange: () => void;
  #timer: NodeJS.Timeout | undefined;
  #seen: string | undefined;
  #moving = false;
  #stopped = false;

  /** `files`: asked at each look. */
  constructor(files: () => readonly string[], intervalMs: number, onChange: () => void) {
    this.#files = files;
    this.#intervalMs = intervalMs;
    this.#onChange = onChange;
  }

  /** What is there now is not a change. */
  async start(): Promise<void> {
    this.#seen = await fingerprint(this.#files());
    this.#later();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #later(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#look(), this.#intervalMs).unref();
  }

  async #look(): Promise<void> {
    const now = await fingerprint(this.#files());
    const quiet = now === this.#seen;
    this.#seen = now;
    const changed = this.#moving && quiet;
    this.#moving = !quiet;
    if (changed && !this.#stopped) this.#onChange();
    this.#later();
  }
}

async function fingerprint(files: readonly string[]): Promise<string> {
  const parts = files.map(async (file) => {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
      return [file, dev, ino, size, mtimeNs, ctimeNs].join(':');
    } catch (error) {
      return `${file}:${(error as NodeJS.ErrnoException).code}`;
    }
  });
  return (await Promise.all(parts)).join('\n');
}
