import type { ControlEvent } from '../ring/index.js';
import type { ClosingStreams } from './closing-streams.js';
import type { Logger } from './logger.js';
import type { Counters } from './stats.js';

/** What the arbiter tells of workers and other server processes: counted and logged. */
export class ControlEvents {
  readonly #counters: Counters;
  readonly #log: Logger;
  readonly #closing: ClosingStreams;

  constructor(counters: Counters, log: Logger, closing: ClosingStreams) {
    this.#counters = counters;
    this.#log = log;
    this.#closing = closing;
  }

  take(event: ControlEvent): void {
    const fields = eventFields(event);
    if (event.type === 'arbiter') {
      this.#counters.arbiterChanges++;
      this.#log.warn(fields, 'this process is the arbiter now');
    } else if (event.type === 'refused') {
      this.#counters.workersRefused++;
      this.#log.warn(fields, 'worker refused');
    } else if (event.type === 'dead') {
      if (event.ingress) this.#counters.ingressesDied++;
      else this.#counters.workersDied++;
      this.#counters.tornSlots += event.tornSlots;
      this.#log.warn(fields, `${nounOf(event)} died`);
      for (const id of event.streams) this.#closing.adopt(id);
    } else if (event.type === 'resumed') {
      this.#log.debug(fields, `${nounOf(event)} resumed`);
    } else {
      if (!event.ingress) this.#counters.workersAttached++;
      this.#log.info(fields, `${nounOf(event)} attached`);
    }
  }
}

const nounOf = ({ ingress }: { readonly ingress: boolean }): string =>
  ingress ? 'server process' : 'worker';

/** A log line has a `pid` and a `name` of its own. */
function eventFields(event: ControlEvent): object {
  const { pid: workerPid, name: workerName, ...rest } = { name: undefined, ...event };
  return { ...rest, workerPid, workerName };
}
