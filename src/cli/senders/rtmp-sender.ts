import { setTimeout as delay } from 'node:timers/promises';
import { UploadResponseError } from '../../errors/index.js';
import { type FlvTag, readFlvTags } from '../../protocols/flv/index.js';
import { EXIT_CODES } from '../exit-codes.js';
import { CliError } from '../failure.js';
import { openConnection } from './connection.js';
import { explain } from './explain.js';
import { asFlv } from './media-source.js';
import { RtmpPublisher, type RtmpTarget } from './rtmp-publisher.js';
import { type Answer, decoded, type SendOptions } from './sender.js';

const PORT = 1935;
const TLS_PORT = 443;
/** Bytes of a tag beside its data. */
const TAG_BYTES = 15;
/** How far a file's time may jump before it is taken for another clock. */
const MAX_JUMP_MS = 10_000;

/** As a publisher of RTMP; resolves when the server has everything, since RTMP has no answer. */
export async function sendByRtmp(options: SendOptions): Promise<Answer> {
  const { url, source, signal, onSent } = options;
  const target = targetOf(url, options.token);
  const secure = url.protocol === 'rtmps:';
  let cut: (() => void) | undefined;
  try {
    const { socket, reset } = await openConnection(options, secure, secure ? TLS_PORT : PORT);
    cut = reset;
    const publisher = new RtmpPublisher(socket);
    await publisher.begin(target);
    const pace = options.fast ? async () => {} : paced(signal);
    for await (const tag of readFlvTags(asFlv(source, signal))) {
      await pace(tag);
      if (publisher.stopped) break;
      await publisher.send(tag);
      onSent(tag.data.length + TAG_BYTES);
    }
    if (signal.aborted) throw new CliError('interrupted', EXIT_CODES.interrupted.code);
    if (!publisher.stopped) await publisher.finish(target.key);
    socket.destroy();
  } catch (error) {
    cut?.();
    if (error instanceof UploadResponseError) throw error;
    throw explain(error, url, signal);
  } finally {
    source.body.destroy();
  }
  return { status: undefined, headers: {}, body: nothing(), close: async () => {} };
}

/** The last part of the path is the key, what stands before it the app. */
function targetOf(url: URL, token: string | undefined): RtmpTarget {
  const parts = url.pathname.split('/').filter((part) => part !== '');
  const key = parts.pop();
  if (key === undefined || parts.length === 0) {
    throw new CliError(
      'the URL names no app and stream key',
      EXIT_CODES.usage.code,
      'Such as rtmp://localhost/live/stream-key',
    );
  }
  const app = decoded(parts.join('/'));
  // As the server of `users` reads them, and ffmpeg's URLs have them.
  const login = `user=${encodeURIComponent(decoded(url.username))}`;
  const password = `pass=${encodeURIComponent(decoded(url.password))}`;
  const query = new URLSearchParams(url.search);
  if (token !== undefined) query.set('token', token);
  const text = query.size > 0 ? `?${query}` : '';
  return {
    app: url.username !== '' ? `${app}?${login}&${password}` : app,
    key: `${decoded(key)}${text}`,
    tcUrl: `${url.protocol}//${url.host}/${parts.join('/')}`,
  };
}

/** Waits until a tag is due, by the time of the first one. */
function paced(signal: AbortSignal): (tag: FlvTag) => Promise<void> {
  let zero: number | undefined;
  return async ({ timestamp }) => {
    const now = performance.now();
    const due = (zero ?? now - timestamp) + timestamp;
    if (zero === undefined || Math.abs(due - now) > MAX_JUMP_MS) {
      zero = now - timestamp;
    } else if (due > now) {
      await delay(due - now, undefined, { signal });
    }
  };
}

async function* nothing(): AsyncGenerator<Buffer> {}
