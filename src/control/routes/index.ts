import type { ControlContext } from '../context.js';
import type { Route } from '../route.js';
import { claimRoutes } from './claims.js';
import { readerRoutes } from './readers.js';
import { slotRoutes } from './slots.js';
import { streamRoutes } from './streams.js';
import { workerRoutes } from './workers.js';

/** Every operation of the API but its own description. */
export function controlRoutes(context: ControlContext): readonly Route[] {
  return [
    ...streamRoutes(context),
    ...slotRoutes(context),
    ...readerRoutes(context),
    ...claimRoutes(context),
    ...workerRoutes(context),
  ];
}
