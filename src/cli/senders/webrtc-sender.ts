import type { Readable } from 'node:stream';
import { type Agent, request } from 'undici';
import { EXIT_CODES } from '../exit-codes.js';
import { CliError } from '../failure.js';
import { explain } from './explain.js';
import { httpAgent } from './http-sender.js';
import { type Answer, refusal, type SendOptions } from './sender.js';
import { type ChannelMessage, UploadChannel } from './webrtc-channel.js';
import { loadEngine, type RtcEngine, type RtcPeer } from './webrtc-engine.js';

const MESSAGE_BYTES = 65_536;
const CONNECT_TIMEOUT_MS = 15_000;

/** Over a WebRTC data channel, to an endpoint of WHIP: docs/transports/webrtc.md says what is spoken. */
export async function sendByWebRtc(options: SendOptions): Promise<Answer> {
  const { source, signal } = options;
  const url = new URL(options.url.href.replace(/^whip/, 'http'));
  const engine = loadEngine();
  const session = new Session(engine, url, options);
  try {
    const channel = await session.open();
    const sending = send(source.body, channel, options).catch((error: unknown) => {
      channel.fail(error);
    });
    const head = await channel.answer();
    return {
      status: head.status,
      headers: Object.fromEntries(head.headers ?? []),
      body: channel.body(),
      close: async () => {
        source.body.destroy();
        await session.close();
        await sending;
      },
    };
  } catch (error) {
    source.body.destroy();
    await session.close();
    throw explain(error, url, signal);
  }
}

async function send(
  body: Readable,
  channel: UploadChannel,
  { headers, source, onSent }: SendOptions,
): Promise<void> {
  const own = headers.filter(([name]) => name.toLowerCase() !== 'authorization');
  const length = source.size === undefined ? {} : { length: source.size };
  channel.say({ type: 'open', headers: own, ...length });
  for await (const chunk of body as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length; at += MESSAGE_BYTES) {
      const part = chunk.subarray(at, at + MESSAGE_BYTES);
      // The answer is whole: nobody wants the rest.
      if (!(await channel.send(part))) return;
      onSent(part.length);
    }
  }
  channel.say({ type: 'end' });
}

/** One connection, from the offer to the DELETE of its location. */
class Session {
  readonly #engine: RtcEngine;
  readonly #url: URL;
  readonly #options: SendOptions;
  readonly #agent: Agent;
  readonly #peer: RtcPeer;
  readonly #offer: Promise<string>;
  readonly #channel: UploadChannel;
  #location: URL | undefined;
  #closed = false;

  constructor(engine: RtcEngine, url: URL, options: SendOptions) {
    this.#engine = engine;
    this.#url = url;
    this.#options = options;
    this.#agent = httpAgent(options);
    this.#peer = new engine.PeerConnection('upload-response', { iceServers: [] });
    // Before the channel, with which the engine begins to gather.
    this.#offer = this.#gathered();
    this.#channel = new UploadChannel(this.#peer.createDataChannel('upload'), options.signal);
  }

  /** Resolves when bytes can be sent. */
  async open(): Promise<UploadChannel> {
    const offer = await this.#offer;
    const { signal } = this.#options;
    const { statusCode, headers, body } = await request(this.#url, {
      method: 'POST',
      headers: { ...this.#credentials(), 'content-type': 'application/sdp' },
      body: offer,
      dispatcher: this.#agent,
      signal,
    });
    const text = await body.text();
    if (statusCode !== 201) throw refusedOffer(statusCode, text);
    this.#location = new URL(String(headers.location ?? ''), this.#url);
    this.#peer.setRemoteDescription(text, 'answer');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const text = 'there is no way to the server over UDP';
        reject(new CliError(text, EXIT_CODES.unreachable.code));
      }, CONNECT_TIMEOUT_MS);
    });
    try {
      await Promise.race([this.#channel.opened, late]);
    } finally {
      clearTimeout(timer);
    }
    return this.#channel;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#location) {
      const headers = this.#credentials();
      const options = { method: 'DELETE', headers, dispatcher: this.#agent } as const;
      const signal = AbortSignal.timeout(2000);
      // The server finds out by itself as well, only later.
      const deleted = request(this.#location, { ...options, signal }).then(({ body }) =>
        body.dump(),
      );
      await deleted.catch(() => {});
    }
    this.#channel.close();
    this.#peer.close();
    this.#engine.cleanup();
    await this.#agent.destroy();
  }

  #credentials(): Record<string, string> {
    const own = this.#options.headers.find(([name]) => name.toLowerCase() === 'authorization');
    return own ? { authorization: own[1] } : {};
  }

  /** Without candidates: the server may connect before its answer was read, and the engine then does not
   *  know its certificate. */
  #gathered(): Promise<string> {
    return new Promise((resolve) => {
      this.#peer.onGatheringStateChange((state) => {
        if (state !== 'complete') return;
        const sdp = this.#peer.localDescription()?.sdp ?? '';
        resolve(sdp.replace(/^a=(candidate:.*|end-of-candidates)\r\n/gm, ''));
      });
    });
  }
}

function refusedOffer(status: number, text: string): CliError {
  try {
    const { error, message } = JSON.parse(text) as Partial<ChannelMessage>;
    return refusal(status, `${status} ${error}: ${message}`);
  } catch {
    return refusal(status, `${status} for the offer`);
  }
}
