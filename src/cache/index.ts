/** The origin's operations by their names, over an attached segment. */
export { Segment, WorkerRole } from '../ring/index.js';
export { ChunkCache } from './chunk-cache.js';
export type { LaneName } from './lane-table.js';
export { attachChunkCache, type CacheOptions, createChunkCache } from './open.js';
export type { TailSlot } from './tail-slot.js';
