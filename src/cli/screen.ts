import { stripVTControlCharacters } from 'node:util';

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/** q, Ctrl-C and Ctrl-D. */
const QUIT_KEYS: ReadonlySet<string> = new Set(['q', 'Q', '\u0003', '\u0004']);

/** The terminal's second screen: drawn over in place, left as it was found. */
export class Screen {
  readonly #onKey: (key: Buffer) => void;
  #open = true;

  constructor(
    readonly input: NodeJS.ReadStream,
    readonly output: NodeJS.WriteStream,
    onQuit: () => void,
  ) {
    // Raw mode takes Ctrl-C away from the terminal driver: it arrives as a key.
    this.#onKey = (key) => {
      if (QUIT_KEYS.has(key.toString('latin1'))) onQuit();
    };
    if (input.isTTY) {
      input.setRawMode(true);
      input.on('data', this.#onKey);
      input.resume();
    }
    output.write(ENTER);
  }

  /** Characters in a line. A terminal that does not know its size says 0. */
  get columns(): number {
    return this.output.columns || 80;
  }

  /** Shows as many lines, and as much of each, as the window has room for. */
  draw(lines: readonly string[]): void {
    const rows = this.output.rows || 24;
    const shown = lines.slice(0, rows - 1).map((line) => cut(line, this.columns) + CLEAR_LINE);
    const hidden = lines.length - shown.length;
    if (hidden > 0) shown.push(`... ${hidden} more${CLEAR_LINE}`);
    this.output.write(`${HOME}${shown.join('\r\n')}${CLEAR_BELOW}`);
  }

  /** Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.input.isTTY) {
      this.input.off('data', this.#onKey);
      this.input.setRawMode(false);
      this.input.pause();
    }
    this.output.write(LEAVE);
  }
}

/** Colours end with the line; a line that is too long loses them rather than its layout. */
function cut(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line);
  return plain.length <= columns ? line : plain.slice(0, columns);
}
