import { lookup } from 'node:dns/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { type SrtEngine, startSrtEngine } from '../../ring/srt-engine.js';
import { EXIT_CODES } from '../exit-codes.js';
import { CliError } from '../failure.js';
import { explain } from './explain.js';
import { type Answer, decoded, refusal, type SendOptions } from './sender.js';

const TIMEOUT_MS = 10_000;
const UNSENT_POLL_MS = 20;
const READ_BYTES = 256 * 1024;
const END = -1;
/** libsrt's reject reasons: wrong passphrase; encrypted on one side only; the time is over. */
const BAD_SECRET = 10;
const UNSECURE = 11;
const TIMED_OUT = 16;
/** From here on they are HTTP's, and a thousand. */
const PREDEFINED = 1000;

/** In file mode by SRT. With a size, or a stream id that declares one, the answer comes back. */
export async function sendBySrt(options: SendOptions): Promise<Answer> {
  const { url, source, signal } = options;
  const streamId = streamIdOf(options);
  const socket = new SrtSocket();
  const stop = () => socket.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await socket.connect(url, streamId, await addressOf(url));
  } catch (error) {
    source.body.destroy();
    stop();
    throw explain(error, url, signal);
  }
  const answered = /(?:::|,)user_len=/.test(streamId);
  const sending = socket.send(source.body, options.onSent);
  // Found by whoever reads the answer.
  sending.catch(() => {});
  const explained = (error: unknown) => explain(error, url, signal);
  const close = async () => {
    source.body.destroy();
    signal.removeEventListener('abort', stop);
    stop();
  };
  try {
    if (!answered) {
      await sending;
      return { status: undefined, headers: {}, body: Readable.from([]), close };
    }
    const bytes = socket.read();
    const { head, rest } = await headOf(bytes);
    return { ...head, body: bodyOf(rest, bytes, explained), close };
  } catch (error) {
    await close();
    throw explained(error);
  }
}

/** One socket, and the engine that has it alone. */
class SrtSocket {
  readonly #engine: SrtEngine;
  #socket = 0;
  #wake: (() => void) | undefined;
  #closed = false;

  constructor() {
    this.#engine = startSrtEngine(() => {
      if (this.#closed) return;
      this.#engine.takeEvents();
      this.#wake?.();
    });
  }

  async connect(url: URL, streamId: string, address: string): Promise<void> {
    const { searchParams: query } = url;
    const passphrase = query.get('passphrase') ?? '';
    const keyBytes = Number(query.get('pbkeylen') ?? 0);
    const options = { address, port: Number(url.port), streamId, passphrase, keyBytes };
    this.#socket = this.#engine.connect({ ...options, timeoutMs: TIMEOUT_MS });
    for (;;) {
      const state = this.#engine.connection(this.#socket);
      if (state === 1) return;
      if (state < 0) throw refused(-state);
      await this.#event(false, true);
    }
  }

  /** Resolves when the other side has all of it. */
  async send(body: AsyncIterable<Buffer>, onSent: (bytes: number) => void): Promise<void> {
    for await (const chunk of body) {
      for (let at = 0; at < chunk.length; ) {
        const taken = this.#closed ? END : this.#engine.write(this.#socket, chunk.subarray(at));
        if (taken < 0) throw new Error('the server closed it');
        at += taken;
        if (at < chunk.length) await this.#event(false, true);
      }
      onSent(chunk.length);
    }
    while (!this.#closed && this.#engine.unsent(this.#socket) > 0) {
      await new Promise((resolve) => setTimeout(resolve, UNSENT_POLL_MS));
    }
    if (this.#closed) throw new Error('it was closed');
  }

  /** What comes back, to its end. */
  async *read(): AsyncGenerator<Buffer> {
    for (;;) {
      const into = Buffer.allocUnsafe(READ_BYTES);
      const length = this.#closed ? END : this.#engine.read(this.#socket, into);
      if (length > 0) yield into.subarray(0, length);
      else if (length === END) return;
      else if (length < 0) throw new Error('it ended without an end');
      else await this.#event(true, false);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake?.();
    this.#engine.close();
  }

  /** Who reads and who writes may wait at once: both look again. */
  #event(readable: boolean, writable: boolean): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.#wake;
      this.#wake = () => {
        this.#wake = undefined;
        before?.();
        resolve();
      };
      this.#engine.arm(this.#socket, readable || before !== undefined, writable);
    });
  }
}

/** @throws CliError */
function streamIdOf({ url, source, token }: SendOptions): string {
  const given = url.searchParams.get('streamid');
  if (given !== null) {
    if (!/(?:::|,)t=stream(?:,|$)/.test(given)) return given;
    const remedy = "Leave 't=stream' out, or send live media with ffmpeg.";
    throw new CliError('send has file mode only', EXIT_CODES.usage.code, remedy);
  }
  const { path = '', size } = source;
  const name = decoded(url.pathname.slice(1)) || basename(path);
  if (name.includes(',')) {
    throw new CliError(`'${name}' has a comma`, EXIT_CODES.usage.code, 'Give a ?streamid=');
  }
  const keys = ['t=file'];
  if (name !== '') keys.unshift(`r=${name}`);
  // Nothing would come that could be answered.
  if (size !== undefined && size > 0) keys.push(`user_len=${size}`);
  if (token !== undefined) keys.push(`user_token=${token}`);
  return `#!::${keys.join(',')}`;
}

async function addressOf({ hostname }: URL): Promise<string> {
  return (await lookup(hostname.replace(/^\[|\]$/g, ''), { verbatim: false })).address;
}

function refused(reason: number): Error {
  if (reason > PREDEFINED) return refusal(reason - PREDEFINED, String(reason - PREDEFINED));
  if (reason === BAD_SECRET || reason === UNSECURE) {
    return refusal(401, 'the passphrase is wrong, or only one side has one');
  }
  const code = reason === TIMED_OUT ? 'CONNECT_TIMEOUT' : 'ECONNREFUSED';
  return Object.assign(new Error(`libsrt's reason ${reason}`), { code });
}

/** The line of JSON before an answer's body. */
async function headOf(bytes: AsyncGenerator<Buffer>): Promise<{
  head: Pick<Answer, 'status' | 'headers'>;
  rest: Buffer;
}> {
  let text = Buffer.alloc(0);
  for (;;) {
    const { value } = await bytes.next();
    if (!value) throw new Error('it ended before the answer');
    text = Buffer.concat([text, value]);
    const end = text.indexOf('\n');
    if (end < 0) continue;
    const { status, headers } = JSON.parse(text.toString('utf8', 0, end)) as {
      status: number;
      headers: [string, string][];
    };
    return { head: { status, headers: Object.fromEntries(headers) }, rest: text.subarray(end + 1) };
  }
}

async function* bodyOf(
  rest: Buffer,
  bytes: AsyncGenerator<Buffer>,
  explained: (error: unknown) => Error,
): AsyncGenerator<Buffer> {
  try {
    yield rest;
    yield* bytes;
  } catch (error) {
    throw explained(error);
  }
}
