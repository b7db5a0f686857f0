// An HTTP/3 client in a process of its own: the engine counts its events for a whole process, server and
// client together. Speaks by IPC with http3-process.ts.

import { connectAsync } from '@currentspace/http3';

const say = (message) => process.connected && process.send(message, undefined, {}, () => {});
/** One connection for each upload, as the other clients have. */
const uploads = new Map();

const commands = {
  async open({ id, port, host = '127.0.0.1', fields, options, delayMs = 0 }) {
    const upload = { queue: [] };
    uploads.set(id, upload);
    say({ id, event: 'ordered' });
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    try {
      const session = await connectAsync(`https://${host}:${port}`, {
        rejectUnauthorized: false,
        runtimeMode: 'portable',
        servername: 'localhost',
        // A test's watchdog is what limits it.
        connectTimeoutMs: 0,
        ...options,
      });
      upload.session = session;
      session.on('error', () => {});
      session.on('close', ({ errorCode }) => say({ id, event: 'closed', code: errorCode }));
      session.on('goaway', () => say({ id, event: 'goaway' }));
      const stream = session.request(fields);
      upload.stream = stream;
      stream.on('response', (headers) => say({ id, event: 'response', headers }));
      stream.on('trailers', (headers) => say({ id, event: 'trailers', headers }));
      stream.on('end', () => say({ id, event: 'end' }));
      stream.on('error', (error) =>
        say({ id, event: 'error', message: error.message, code: error.h3Code }),
      );
      stream.on('close', () => say({ id, event: 'error', message: 'closed' }));
      if (options?.paused) stream.pause();
      else stream.on('data', (data) => say({ id, event: 'data', data }));
      say({ id, event: 'open' });
    } catch (error) {
      say({ id, event: 'error', message: error.message });
    }
    for (const command of upload.queue.splice(0)) commands[command.type](command);
    upload.queue = undefined;
  },
  write({ id, number, data }) {
    const { stream } = uploads.get(id);
    const done = (error) => say({ id, event: 'written', number, message: error?.message });
    if (stream && !stream.destroyed) stream.write(data, done);
    else done(new Error('closed'));
  },
  end({ id }) {
    uploads.get(id).stream?.end();
  },
  read({ id }) {
    uploads.get(id).stream?.on('data', (data) => say({ id, event: 'data', data }));
  },
  reset({ id, code }) {
    uploads.get(id).stream?.close(code);
  },
  close({ id, delayMs = 0 }) {
    const { session } = uploads.get(id);
    uploads.delete(id);
    if (delayMs > 0) setTimeout(() => void session?.close(), delayMs);
    else void session?.close();
  },
};

process.on('message', (command) => {
  const upload = uploads.get(command.id);
  if (command.type !== 'open' && !upload) return;
  if (upload?.queue) upload.queue.push(command);
  else commands[command.type](command);
});
process.on('disconnect', () => process.exit(0));
say({ event: 'ready' });
