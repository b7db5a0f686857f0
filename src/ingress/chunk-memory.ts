import { MessageChannel } from 'node:worker_threads';

/** Below this the garbage collector is quicker. */
const LEAST_BYTES = 4096;

const { port1: nowhere } = new MessageChannel();
nowhere.close();
const transfer: ArrayBuffer[] = [];

/**
 * Frees the memory of a chunk now instead of at the next garbage collection, if the chunk is all of
 * it. An upload otherwise fills the heap with 64 KB buffers, whose collection and cold memory cost
 * more than all the rest of the way into the segment: the next chunk takes the same warm memory.
 *
 * A transfer is the only way to free an ArrayBuffer by hand, and one to a closed port goes nowhere.
 */
export function freeChunk(chunk: Uint8Array): void {
  const { buffer } = chunk;
  if (chunk.length < LEAST_BYTES || buffer.byteLength !== chunk.length) return;
  transfer[0] = buffer as ArrayBuffer;
  nowhere.postMessage(undefined, transfer);
}
