/** What a stream does, written once for all transports. */

export { type ErrorAnswer, errorAnswer, type Veto } from './error-answer.js';
export type { ExchangeOptions } from './exchange-options.js';
export { errorWithHead, headLine } from './head-line.js';
export { endToEndHeaders, parseContentLength, trailerFields } from './headers.js';
export { Histogram, type HistogramStats } from './histogram.js';
export { Ingress, type IngressOptions } from './ingress.js';
export { IngressExchange } from './ingress-exchange.js';
export { DEFAULT_LIMITS, type Limits, limitsSchema } from './limits.js';
export { type Logger, silentLogger } from './logger.js';
export { countsSince, MediaMeter } from './media-meter.js';
export type { MediaStats } from './media-stats.js';
export type { ResponseSink } from './response-sink.js';
export type { IngressStats, TransportExchangeStats } from './stats.js';
export {
  type FactSource,
  type MediaFacts,
  type NetworkFacts,
  type StreamFacts,
  streamFactsSchema,
} from './stream-facts.js';
export { Unanswered } from './unanswered.js';
export { type Backlog, WaitingBudget } from './waiting-budget.js';
