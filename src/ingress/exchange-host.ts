import type { Segment } from '../ring/index.js';
import type { ExchangeSummary } from './exchange-summary.js';
import type { IngressExchange } from './ingress-exchange.js';
import type { Limits } from './limits.js';
import type { Logger } from './logger.js';
import type { Counters } from './stats.js';
import type { TimerWheel } from './timer-wheel.js';
import type { WaitingBudget } from './waiting-budget.js';

/** What an exchange has of its ingress. */
export interface ExchangeHost {
  readonly segment: Segment;
  readonly limits: Limits;
  readonly wheel: TimerWheel;
  readonly waiting: WaitingBudget;
  readonly log: Logger;
  readonly stats: Counters;
  /** Calls `exchange.flush` once this turn of the event loop has read everything. */
  flushLater(exchange: IngressExchange): void;
  /** The exchange is over. `late`: all of it was answered, and observers still read the request. */
  left(exchange: IngressExchange, summary: ExchangeSummary, late: boolean): void;
}
