/** What a server tells Prometheus, derived from the plain pictures of its parts. */

export { EventLoopWatch } from './event-loop.js';
export { metricRows, metricsTable, renderMetrics } from './render.js';
export {
  availableBytes,
  type ProcessSnapshot,
  type SegmentSnapshot,
  type ServerStats,
  segmentSnapshot,
} from './snapshots.js';
export { CONTENT_TYPE } from './text-format.js';
