export { ChunkCache, type LaneName } from './chunk-cache.js';
export type { TailSlot } from './tail-slot.js';
