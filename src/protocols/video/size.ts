/** What is shown of a picture, in pixels. */
export interface VideoSize {
  readonly width: number;
  readonly height: number;
}

/** Larger than what any level of the codecs allows. */
const MOST_PIXELS = 65_536;

/** The size, or undefined for one that cannot be. */
export function sizeOf(width: number, height: number): VideoSize | undefined {
  const possible = width > 0 && height > 0 && width <= MOST_PIXELS && height <= MOST_PIXELS;
  return possible ? { width, height } : undefined;
}
