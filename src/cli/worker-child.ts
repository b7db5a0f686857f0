// One worker process: the child of `upload-response worker` and `serve --worker`.

import { inspect } from 'node:util';
import { type ErrorCode, UploadResponseError } from '../errors/index.js';
import { runWorker } from '../worker/index.js';
import { reportFailure } from './failure.js';
import { PERMANENT_FAILURE, type WorkerProcessOptions } from './supervisor.js';

/** Starting again would not help: somebody has to change something first. */
const PERMANENT: ReadonlySet<ErrorCode> = new Set([
  'INVALID_WORKER_MODULE',
  'WORKER_MODULE_FAILED',
  'INVALID_ARGUMENT',
  'INVALID_SOCKET_PATH',
  'ABI_MISMATCH',
  'PERMISSION_DENIED',
  'UNKNOWN_OBSERVER',
  'NATIVE_UNAVAILABLE',
]);

const options = JSON.parse(process.argv[2] ?? '{}') as WorkerProcessOptions;
// A supervisor that was killed cannot say so: the channel's end does.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// It may have gone while this process started.
if (!process.connected) process.kill(process.pid, 'SIGTERM');

/** Where in the module it went wrong. */
function showCause(cause: unknown): void {
  if (!(cause instanceof SyntaxError)) {
    process.stderr.write(`${inspect(cause)}\n`);
    return;
  }
  // Node.js alone knows the line, and tells it only of errors that nobody catches.
  process.once('exit', () => {
    process.exitCode = PERMANENT_FAILURE;
  });
  throw cause;
}

// Whoever reads it may go: that is no reason to drop requests.
process.stderr.on('error', () => {});
try {
  const worker = await runWorker(options.module, {
    socket: options.socket,
    name: options.name,
    concurrency: options.concurrency,
    observer: options.required
      ? { name: options.observer ?? '', required: true }
      : options.observer === undefined
        ? undefined
        : true,
  });
  await worker.closed;
  process.exit(0);
} catch (error) {
  reportFailure(error, false);
  if (error instanceof UploadResponseError && error.code === 'WORKER_MODULE_FAILED') {
    showCause(error.cause);
  }
  const permanent = error instanceof UploadResponseError && PERMANENT.has(error.code);
  process.exit(permanent ? PERMANENT_FAILURE : 1);
}
