import { setImmediate as turn } from 'node:timers/promises';
import { reachable } from '../../../http/index.js';
import type { EventCredit } from './event-credit.js';
import type { CurrentspaceListener } from './listener.js';
import { type NativeClient, NativeEventType, type NativeHttp3 } from './native-api.js';

/** Pings between two looks at everything else. */
const BATCH = 64;
const CONNECT_MS = 2000;
/** How long the last events, and the end of the client, are waited for. */
const SETTLE_MS = 1000;

/**
 * Connects to the listener once, and pings until the events that are to be kept unacknowledged are
 * there: then the very first pause is as short as all others. Resolves to false where no connection
 * came about; the first events of clients then do the same.
 */
export async function fillCredit(
  native: NativeHttp3,
  listener: CurrentspaceListener,
  credit: EventCredit,
): Promise<boolean> {
  if (credit.missing === 0) return true;
  let connected = false;
  let ended = false;
  const client = new native.NativeWorkerClient(
    { rejectUnauthorized: false, runtimeMode: 'portable' },
    (_error, events) => {
      for (const { eventType } of events ?? []) {
        if (eventType === NativeEventType.handshakeComplete) connected = true;
        if (eventType === NativeEventType.shutdownComplete) ended = true;
      }
      credit.received(events?.length ?? 0, listener.server);
    },
  );
  const { port } = client.connect(reachable(listener), 'localhost');
  listener.expectOwn(port);
  await until(() => connected, CONNECT_MS);
  if (connected) await ping(client, credit);
  client.close(0, '');
  client.requestShutdown();
  await until(() => ended, SETTLE_MS);
  client.joinWorker();
  return connected;
}

async function ping(client: NativeClient, credit: EventCredit): Promise<void> {
  for (let left = credit.missing; left > 0; left -= BATCH) {
    for (let i = Math.min(left, BATCH); i > 0; i--) client.ping();
    await turn();
  }
  await until(() => credit.missing === 0, SETTLE_MS);
}

async function until(condition: () => boolean, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition() && performance.now() < end) await turn();
}
