import type { ServerHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';

/** Payloads from this size on wait as they are. */
const SMALL_BYTES = 2048;
const BLOCK_BYTES = 16 * 1024;

/**
 * Merges the small payloads that a stream gets while nobody reads it. Node queues one object for each
 * DATA frame, so that a client which fills its window with frames of one byte would cost the server
 * 150 times the window. Call it before the stream is read; reading by 'data', `pause` and `resume` then
 * is as always. Uses nothing of Node but that its streams hand bytes on by `push`; without that it does
 * nothing.
 */
export function mergeSmallFrames(stream: ServerHttp2Stream): void {
  const push = Readable.prototype.push;
  let block: Buffer | undefined;
  let used = 0;

  const flush = (): void => {
    if (!block) return;
    const merged = block.subarray(0, used);
    block = undefined;
    push.call(stream, merged);
  };

  const merge = (chunk: Buffer): void => {
    if (block && used + chunk.length > block.length) flush();
    if (!block) {
      block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      used = 0;
    }
    used += chunk.copy(block, used);
  };

  stream.push = (chunk: Buffer | null, encoding?: BufferEncoding): boolean => {
    if (chunk !== null && stream.readableFlowing !== true && chunk.length < SMALL_BYTES) {
      merge(chunk);
      return false;
    }
    flush();
    return push.call(stream, chunk, encoding);
  };
  stream.on('resume', flush);
}
