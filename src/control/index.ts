/** Streams, slots, readers, claims and remote workers over HTTP: docs/control-api.md. */

export { CONTROL_PREFIX, type ControlConfig, controlConfigSchema } from './config.js';
export { ControlApi, type ControlOptions } from './control-api.js';
