import type { NativeHttp3 } from './native-api.js';

const LOOK_MS = 5;
/** After it the engine would have said that the stream's bytes wait. */
const WORD_MS = 25;
const PATIENCE_MS = 2000;

/**
 * Calls `done` when trailers can be sent: the engine loses those, and the response's end with them, that
 * come while bytes of the response wait. `done(false)`: they still wait, and it must end without trailers.
 */
export function waitForTrailers(
  native: NativeHttp3,
  isBlocked: () => boolean,
  done: (maySend: boolean) => void,
): void {
  const since = performance.now();
  const look = (): void => {
    const { outboundCommandQueuedBytes, outboundPendingWriteBytes } = native.runtimeTelemetry();
    const waitedMs = performance.now() - since;
    if (outboundCommandQueuedBytes + outboundPendingWriteBytes === 0) done(true);
    else if (!isBlocked() && waitedMs >= WORD_MS) done(true);
    else if (waitedMs >= PATIENCE_MS) done(false);
    else setTimeout(look, LOOK_MS);
  };
  look();
}
