export { ChunkCache } from './chunk-cache.js';
export type { LaneName } from './lane-table.js';
export type { TailSlot } from './tail-slot.js';
