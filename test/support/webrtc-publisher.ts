import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Audio, PeerConnection, type Track, Video } from 'node-datachannel';
import { parseRtcp, type RtcpPacket } from '../../src/protocols/rtp/index.js';
import { within } from './until.js';
import { postOffer } from './webrtc-client.js';

export type PublishedCodec = 'h264' | 'opus' | 'vp8';

const PAYLOAD_TYPES = { h264: 96, vp8: 97, opus: 111 } as const;
/** Sources of what is published. */
export const SOURCES = { h264: 0x1111, vp8: 0x1111, opus: 0x2222 } as const;
/** Packets that can be sent again. */
const HISTORY = 4096;
/** As the server: a connection that is closed may still be in a callback of its tracks. */
const TRACK_CLOSE_DELAY_MS = 1000;

/** The engine keeps pointers to what garbage collection takes. */
const kept: object[] = [];

const mediaOf = {
  h264: () => {
    const video = new Video('video', 'SendOnly');
    video.addH264Codec(PAYLOAD_TYPES.h264, 'packetization-mode=1;profile-level-id=42e01f');
    video.addSSRC(SOURCES.h264, 'publisher');
    return video;
  },
  vp8: () => {
    const video = new Video('video', 'SendOnly');
    video.addVP8Codec(PAYLOAD_TYPES.vp8);
    video.addSSRC(SOURCES.vp8, 'publisher');
    return video;
  },
  opus: () => {
    const audio = new Audio('audio', 'SendOnly');
    audio.addOpusCodec(PAYLOAD_TYPES.opus);
    audio.addSSRC(SOURCES.opus, 'publisher');
    return audio;
  },
};

/** Publishes RTP by WHIP with the engine's own client: sends again what is asked for, and keeps the rest of
 *  what it is told. */
export class WebRtcPublisher {
  readonly rtcp: RtcpPacket[] = [];
  resent = 0;
  closed = false;
  location = '';
  readonly #history = new Map<string, Buffer>();
  readonly #peer: PeerConnection;
  readonly #gathered: Promise<void>;
  readonly #tracks = new Map<PublishedCodec, Track>();

  /** `answered` may change the server's answer; `prepare` may add to the connection before its offer. */
  static async connect(
    url: string,
    codecs: readonly PublishedCodec[],
    answered: (sdp: string) => string | Promise<string> = (sdp) => sdp,
    prepare: (peer: PeerConnection) => void = () => {},
  ): Promise<WebRtcPublisher> {
    const publisher = new WebRtcPublisher(codecs);
    prepare(publisher.#peer);
    const response = await postOffer(url, await publisher.#offer());
    const text = await response.text();
    if (response.status !== 201) {
      publisher.close();
      throw new Error(`${response.status} ${text}`);
    }
    publisher.location = new URL(response.headers.get('location') ?? '', url).href;
    const opened = [...publisher.#tracks.values()].map(
      (track) => new Promise<void>((resolve) => track.onOpen(resolve)),
    );
    publisher.#peer.setRemoteDescription(await answered(text), 'answer');
    await within(Promise.all(opened), 'open tracks');
    return publisher;
  }

  private constructor(codecs: readonly PublishedCodec[]) {
    this.#peer = new PeerConnection('publisher', { iceServers: [] });
    kept.push(this.#peer);
    // A data channel begins to gather when it is made.
    this.#gathered = new Promise((resolve) => {
      this.#peer.onGatheringStateChange((state) => {
        if (state === 'complete') resolve();
      });
    });
    this.#peer.onStateChange((state) => {
      if (state === 'disconnected' || state === 'failed') this.close();
      if (state !== 'closed') return;
      this.closed = true;
      // The engine's end waits for connections that nobody has closed here.
      setImmediate(() => this.#peer.close());
      setTimeout(() => {
        for (const track of this.#tracks.values()) track.close();
      }, TRACK_CLOSE_DELAY_MS);
    });
    for (const codec of codecs) {
      const track = this.#peer.addTrack(mediaOf[codec]());
      kept.push(track);
      track.onMessage((datagram) => this.#heard(datagram));
      this.#tracks.set(codec, track);
    }
  }

  /** Sends RTP of this codec: with the payload type and the source of the session. */
  send(codec: PublishedCodec, rtp: Buffer): void {
    const datagram = Buffer.from(rtp);
    datagram[1] = ((datagram[1] as number) & 0x80) | PAYLOAD_TYPES[codec];
    datagram.writeUInt32BE(SOURCES[codec], 8);
    const sequence = datagram.readUInt16BE(2);
    this.#history.set(`${SOURCES[codec]} ${sequence}`, datagram);
    this.#history.delete(`${SOURCES[codec]} ${(sequence - HISTORY) & 0xffff}`);
    this.raw(datagram);
  }

  /** Sends a datagram as it is. False: it cannot be encrypted. */
  raw(datagram: Buffer): boolean {
    const [track] = this.#tracks.values();
    try {
      return track?.isOpen() === true && track.sendMessageBinary(datagram);
    } catch {
      return false;
    }
  }

  count(type: RtcpPacket['type']): number {
    return this.rtcp.filter((packet) => packet.type === type).length;
  }

  /** Says that this was all. */
  async delete(): Promise<number> {
    const response = await fetch(this.location, { method: 'DELETE' });
    await response.arrayBuffer();
    return response.status;
  }

  close(): void {
    this.#peer.close();
  }

  async #offer(): Promise<string> {
    this.#peer.setLocalDescription();
    await within(this.#gathered, 'an offer');
    const sdp = this.#peer.localDescription()?.sdp ?? '';
    return sdp.replace(/^a=(candidate:.*|end-of-candidates)\r\n/gm, '');
  }

  #heard(datagram: Buffer): void {
    for (const packet of parseRtcp(datagram)) {
      this.rtcp.push(packet);
      if (packet.type !== 'nack') continue;
      for (const sequence of packet.sequences) {
        const again = this.#history.get(`${packet.mediaSsrc} ${sequence}`);
        if (!again) continue;
        this.resent++;
        this.raw(again);
      }
    }
  }
}

const SOURCE = {
  video: ['-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25'],
  audio: ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
};
const CODEC = {
  h264: ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-bf', '0', '-g', '10'],
  vp8: ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '10', '-b:v', '1M'],
  opus: ['-c:a', 'libopus', '-b:a', '64k', '-frame_duration', '20'],
};

/** Encodes a test picture or a tone in real time, and hands on its RTP. Stop it. */
export class RtpEncoder {
  /** Packets so far. */
  packets = 0;
  /** It has come to its end. */
  readonly ended: Promise<void>;
  readonly #process: ChildProcess;
  readonly #socket: Socket;

  static async start(
    codec: PublishedCodec,
    seconds: number,
    take: (rtp: Buffer) => void,
  ): Promise<RtpEncoder> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new RtpEncoder(socket, codec, seconds, take);
  }

  private constructor(
    socket: Socket,
    codec: PublishedCodec,
    seconds: number,
    take: (rtp: Buffer) => void,
  ) {
    this.#socket = socket;
    const { port } = socket.address();
    const source = codec === 'opus' ? SOURCE.audio : SOURCE.video;
    const url = `rtp://127.0.0.1:${port}?pkt_size=1200&rtcpport=${port}`;
    const length = ['-t', String(seconds)];
    const args = ['-re', ...source, ...length, ...CODEC[codec], '-f', 'rtp', url];
    this.#process = spawn('ffmpeg', ['-v', 'error', ...args], { stdio: ['ignore', 'ignore', 2] });
    this.ended = once(this.#process, 'exit').then(() => undefined);
    socket.on('message', (datagram) => {
      const second = datagram[1] ?? 0;
      // RTCP of the encoder has another source than the session's.
      if (second >= 192 && second <= 223) return;
      this.packets++;
      take(datagram);
    });
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.ended;
    this.#socket.close();
  }
}
