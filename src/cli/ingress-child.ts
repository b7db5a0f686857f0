// One of the ingress processes of `serve --processes N`. The ports come from its parent, through the
// cluster module; everything else it does by itself, and it outlives its parent until it has finished.

import cluster from 'node:cluster';
import { UploadResponseError } from '../errors/index.js';
import { createServer, type ProcessSnapshot, type UploadResponseServer } from '../server.js';
import { exitCodeFor } from './failure.js';
import type { AboutIngress, FromIngress, ToIngress } from './ingress-messages.js';
import { answer, Questions } from './questions.js';
import { drainDeadlineMs, type ServeConfig } from './serve-setup.js';

/** A scrape is not held up by a process that does not answer. */
const SNAPSHOTS_MS = 2_000;

let server: UploadResponseServer | undefined;
let shutdown: ServeConfig['shutdown'] = { announceMs: 0, drainTimeoutMs: 0 };
let stopping: Promise<void> | undefined;

const questions = new Questions((question) => void say(question as FromIngress));

function say(message: FromIngress): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, () => resolve());
    else resolve();
  });
}

async function serve(order: ToIngress & { readonly type: 'serve' }): Promise<void> {
  const { config, name, join } = order;
  shutdown = config.shutdown;
  try {
    server = await createServer(config, { name, join, collectMetrics });
    const addresses = await server.listen();
    const { segment, admin } = server;
    segment.onWake(() => {
      if (segment.native.connected() || stopping) return;
      // Another server has the control socket now: no worker comes here any more.
      void stop(1);
    });
    await say({ type: 'listening', addresses, admin });
  } catch (error) {
    const code = error instanceof UploadResponseError ? error.code : undefined;
    const message = error instanceof Error ? error.message : String(error);
    await say({ type: 'failed', code, message, exitCode: exitCodeFor(error) });
    await server?.close();
    process.exit(1);
  }
}

/** Without its parent a process knows of no other. */
async function collectMetrics(own: ProcessSnapshot): Promise<readonly ProcessSnapshot[]> {
  if (!process.connected) return [own];
  const about = { topic: 'snapshots' };
  const others = questions.ask<ProcessSnapshot[]>(about, SNAPSHOTS_MS).catch(() => []);
  return [own, ...(await others)];
}

async function answerAbout(running: UploadResponseServer, about: AboutIngress): Promise<unknown> {
  if (about.topic === 'snapshot') return running.snapshot();
  if (about.topic === 'reload') {
    const report = await running.reload(() => about.source);
    shutdown = report.config.shutdown;
    return report;
  }
  const { code = 'INVALID_CONFIG', message } = about;
  const refusal = Object.assign(new UploadResponseError(code), { message });
  await running.reload(() => Promise.reject(refusal)).catch(() => {});
  return undefined;
}

function stop(exitCode = 0): Promise<void> {
  stopping ??= (async () => {
    await server?.drain(AbortSignal.timeout(drainDeadlineMs(shutdown)));
    await server?.close();
    process.exit(exitCode);
  })();
  return stopping;
}

process.on('message', (order: ToIngress) => {
  if (order.type === 'serve') void serve(order);
  else if (order.type === 'answer') questions.take(order);
  else if (order.type === 'stop') void stop();
  else {
    const about = () => {
      if (!server) throw new Error('the server is not there yet');
      return answerAbout(server, order.about);
    };
    void answer(order.id, about).then(say);
  }
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
