export type * from './addon.js';
export type { ControlEvent } from './control-event.js';
export type { NativeLaneFeed } from './lane-feed.js';
export { loadAddon } from './load.js';
export type * from './rtmp.js';
export type * from './srt.js';
export type * from './track-counts.js';
