import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { type Connection, openConnection, roomOf } from './connection.js';
import { explain } from './explain.js';
import { type Answer, refusal, type SendOptions } from './sender.js';

/** What a refusal looks like: docs/transports/tcp.md. */
const REFUSAL = /^ERROR (\d{3}) ([A-Z][A-Z0-9_]*) ([^\n]*)\n$/;
const PREFIX = Buffer.from('ERROR ');
const MAX_REFUSAL_BYTES = 4096;

/** As raw bytes over TCP, or TLS: a half-close ends the request. */
export async function sendByTcp(options: SendOptions): Promise<Answer> {
  const { url, source, token, signal } = options;
  let connection: Connection;
  try {
    connection = await openConnection(options, url.protocol === 'tls:', 0);
  } catch (error) {
    source.body.destroy();
    throw explain(error, url, signal);
  }
  const { socket, reset } = connection;
  if (token !== undefined) socket.write(`TOKEN ${token}\n`);
  let unreadable: unknown;
  const sending = send(source.body, socket, options.onSent).catch((error: unknown) => {
    // The server must not take the part for the whole.
    unreadable = error;
    reset();
  });
  return {
    status: undefined,
    headers: {},
    body: bodyOf(socket, (error) => explain(unreadable ?? error, url, signal)),
    close: async () => {
      source.body.destroy();
      socket.destroy();
      await sending;
    },
  };
}

async function send(
  body: Readable,
  socket: Socket,
  onSent: (bytes: number) => void,
): Promise<void> {
  const stop = (): void => void body.destroy();
  socket.once('close', stop).once('end', stop);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (!socket.writable) return;
      socket.write(chunk);
      await roomOf(socket);
      onSent(chunk.length);
    }
    socket.end();
  } catch (error) {
    // Stopped here, because nobody wants the rest.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

/** The answer's bytes; an error where they are a refusal. */
async function* bodyOf(
  socket: Socket,
  explained: (error: unknown) => Error,
): AsyncGenerator<Buffer> {
  let held: Buffer | undefined = Buffer.alloc(0);
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      if (!held) {
        yield chunk;
        continue;
      }
      held = Buffer.concat([held, chunk]);
      if (mayBeRefusal(held)) continue;
      yield held;
      held = undefined;
    }
  } catch (error) {
    throw explained(error);
  }
  if (!held) return;
  const match = REFUSAL.exec(held.toString());
  if (match) throw refusal(Number(match[1]), `${match[1]} ${match[2]}: ${match[3]}`);
  yield held;
}

function mayBeRefusal(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, PREFIX.length);
  const same = bytes.compare(PREFIX, 0, length, 0, length) === 0;
  return same && bytes.length <= MAX_REFUSAL_BYTES;
}
