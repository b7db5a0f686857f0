export type * from './addon.js';
export type { ControlEvent } from './control-event.js';
export { loadAddon } from './load.js';
