import { humanBytes } from '../config/units.js';
import { humanTime, type Style } from './terminal.js';

const WIDTH = 18;
/** The rate is measured over this time, so that it follows a change and does not jump. */
const WINDOW_MS = 3_000;
const REDRAW_MS = 100;

/** What the bar needs of standard error. */
export interface BarOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** `  42%  [=====>    ]  1.2 GB of 2.9 GB  353.1 MB/s  4.7 s left`, redrawn in place. */
export class ProgressBar {
  readonly #samples: { at: number; bytes: number }[] = [];
  readonly #startedAt = performance.now();
  #bytes = 0;
  #drawnAt = 0;
  #shown = false;
  #paused = false;

  constructor(
    readonly output: BarOutput,
    readonly total: number | undefined,
    readonly style: Style,
  ) {}

  /** Bytes counted so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts without drawing. */
  count(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Counts, and redraws now and then. */
  add(bytes: number): void {
    this.#bytes += bytes;
    const now = performance.now();
    if (!this.output.isTTY || this.#paused || now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    this.#samples.push({ at: now, bytes: this.#bytes });
    while (this.#samples.length > 2 && now - (this.#samples[0]?.at ?? now) > WINDOW_MS) {
      this.#samples.shift();
    }
    const width = (this.output.columns || 80) - 1;
    this.output.write(`\r\u001b[K${this.line(now).slice(0, width)}`);
    this.#shown = true;
  }

  /** The text of the bar at this moment. */
  line(now: number): string {
    const rate = this.#rate(now);
    const sent = humanBytes(this.#bytes);
    const speed = rate > 0 ? `${humanBytes(rate)}/s` : '-';
    if (this.total === undefined) return `${sent}  ${speed}`;
    const part = this.total === 0 ? 1 : Math.min(1, this.#bytes / this.total);
    const full = Math.floor(part * WIDTH);
    const head = full < WIDTH ? '>' : '';
    const bar = `${'='.repeat(full)}${head}`.padEnd(WIDTH);
    const left = rate > 0 ? humanTime(((this.total - this.#bytes) / rate) * 1000) : '-';
    const percent = `${Math.floor(part * 100)}%`.padStart(4);
    return `${percent} [${bar}] ${sent} of ${humanBytes(this.total)}  ${speed}  ${left} left`;
  }

  /** Takes the bar off the screen; while paused (an answer's unfinished line) it stays off. */
  clear(paused = false): void {
    this.#paused = paused;
    if (!this.#shown) return;
    this.output.write('\r\u001b[K');
    this.#shown = false;
  }

  /** Whole time and mean rate. */
  summary(): { readonly bytes: number; readonly ms: number; readonly bytesPerSecond: number } {
    const ms = performance.now() - this.#startedAt;
    return { bytes: this.#bytes, ms, bytesPerSecond: ms > 0 ? (this.#bytes / ms) * 1000 : 0 };
  }

  #rate(now: number): number {
    const oldest = this.#samples[0] ?? { at: this.#startedAt, bytes: 0 };
    const elapsed = now - oldest.at;
    if (elapsed < 1) return (this.#bytes / Math.max(1, now - this.#startedAt)) * 1000;
    return ((this.#bytes - oldest.bytes) / elapsed) * 1000;
  }
}
