/** Figures are in MB of 10^6 bytes. */
export const MB = 1e6;

/** Whole writes of the client. */
const WRITE_BYTES = 256 * 1024;
const wholeWrites = (bytes: number) => Math.round(bytes / WRITE_BYTES) * WRITE_BYTES;

/** What is compared with what was sent, byte by byte, before anything is measured. */
export const CHECKED_BYTES = wholeWrites(8 * MB);

export interface Size {
  readonly totalBytes: number;
  /** Transfers of this size in one trial. */
  readonly count: number;
}

/** What is measured in one trial. */
export function sizes(small: boolean): readonly Size[] {
  if (small) return [{ totalBytes: wholeWrites(16 * MB), count: 1 }];
  return [
    { totalBytes: wholeWrites(100 * MB), count: 5 },
    { totalBytes: wholeWrites(1000 * MB), count: 1 },
  ];
}

export const warmUpBytes = (small: boolean) => wholeWrites((small ? 4 : 64) * MB);
