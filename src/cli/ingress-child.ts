// One of the ingress processes of `serve --processes N`. The ports come from its parent, through the
// cluster module; everything else it does by itself, and it outlives its parent until it has finished.

import cluster from 'node:cluster';
import { UploadResponseError } from '../errors/index.js';
import { createServer, type UploadResponseServer } from '../server.js';
import { exitCodeFor } from './failure.js';
import type { FromIngress, ToIngress } from './ingress-messages.js';

let server: UploadResponseServer | undefined;
let drainTimeoutMs = 0;
let stopping: Promise<void> | undefined;

function say(message: FromIngress): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, () => resolve());
    else resolve();
  });
}

async function serve(order: ToIngress & { readonly type: 'serve' }): Promise<void> {
  const { config, name, join } = order;
  drainTimeoutMs = config.shutdown.drainTimeoutMs;
  try {
    server = await createServer(config, { name, join });
    const addresses = await server.listen();
    const { segment } = server;
    segment.onWake(() => {
      if (segment.native.connected() || stopping) return;
      // Another server has the control socket now: no worker comes here any more.
      void stop(1);
    });
    await say({ type: 'listening', addresses });
  } catch (error) {
    const code = error instanceof UploadResponseError ? error.code : undefined;
    const message = error instanceof Error ? error.message : String(error);
    await say({ type: 'failed', code, message, exitCode: exitCodeFor(error) });
    await server?.close();
    process.exit(1);
  }
}

function stop(exitCode = 0): Promise<void> {
  stopping ??= (async () => {
    await server?.drain(AbortSignal.timeout(drainTimeoutMs));
    await server?.close();
    process.exit(exitCode);
  })();
  return stopping;
}

process.on('message', (order: ToIngress) => {
  if (order.type === 'serve') void serve(order);
  else void stop();
});
// A terminal sends these to all; the parent says what is to be done.
process.on('SIGINT', () => undefined).on('SIGHUP', () => undefined);
process.on('SIGTERM', () => void stop());
cluster.worker?.once('disconnect', () => {
  // Otherwise the cluster module ends the process at once, with every request that it has.
  if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
  void stop();
});
void say({ type: 'ready' });
