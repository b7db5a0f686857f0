import { randomBytes } from 'node:crypto';
import { type Ending, RawClient, type RawResponse } from './raw-client.js';
import { until } from './until.js';

export const Opcode = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Parts of a frame that a test may want to be wrong. */
export interface FrameOptions {
  readonly fin?: boolean;
  /** False: not masked, as only a server may send. */
  readonly masked?: boolean;
  /** Bits of the first byte beside FIN and opcode: 0x40, 0x20, 0x10. */
  readonly reserved?: number;
  /** What the frame says of its length; its real one without it. */
  readonly length?: number;
}

/** One frame as it came. */
export interface Frame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly payload: Buffer;
}

/** The bytes of a frame of a client (RFC 6455 section 5.2). */
export function frameOf(
  opcode: number,
  payload: string | Uint8Array = '',
  { fin = true, masked = true, reserved = 0, length }: FrameOptions = {},
): Buffer {
  const body = Buffer.from(payload as Uint8Array);
  const size = length ?? body.length;
  const head = [(fin ? 0x80 : 0) | reserved | opcode];
  const mask = masked ? 0x80 : 0;
  if (size < 126) head.push(mask | size);
  else if (size < 65_536) head.push(mask | 126, size >> 8, size & 0xff);
  else {
    const wide = Buffer.alloc(8);
    wide.writeBigUInt64BE(BigInt(size));
    head.push(mask | 127, ...wide);
  }
  const key = masked ? randomBytes(4) : Buffer.alloc(0);
  if (masked) for (const [i, byte] of body.entries()) body[i] = byte ^ (key[i % 4] as number);
  return Buffer.concat([Buffer.from(head), key, body]);
}

/** The payload of a close frame. */
export function closePayload(code: number, reason = ''): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
}

/** The fields of a handshake that is as it should be. */
export const HANDSHAKE = [
  'connection: Upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
] as const;

/** A WebSocket client that sends exactly the bytes it is told to. */
export class RawWebSocket {
  #taken = 0;

  private constructor(readonly client: RawClient) {}

  /** A connection that is upgraded. */
  static async open(
    port: number,
    path: string,
    { scheme = 'http' as 'http' | 'https', headers = [] as readonly string[] } = {},
  ): Promise<RawWebSocket> {
    const client = await RawClient.connect(port, scheme);
    client.head(`GET ${path}`, ...HANDSHAKE, ...headers);
    return RawWebSocket.over(client);
  }

  /** On a connection that has asked for the upgrade. */
  static async over(client: RawClient): Promise<RawWebSocket> {
    const response = await client.response();
    if (response.status !== 101) throw new RefusedError(response);
    return new RawWebSocket(client);
  }

  send(opcode: number, payload: string | Uint8Array = '', options?: FrameOptions): void {
    this.client.send(frameOf(opcode, payload, options));
  }

  /** The next frame. Rejects if the connection ends before it. */
  async next(): Promise<Frame> {
    let frame: Frame | undefined;
    await until(() => {
      frame = this.#take();
      return frame !== undefined || this.client.ended;
    }, 'a frame');
    frame ??= this.#take();
    if (!frame) throw new Error('the connection ended before a frame');
    return frame;
  }

  /** Payloads of the binary messages before the close, and the close. */
  async rest(): Promise<{ body: Buffer; code: number; reason: string }> {
    const parts: Buffer[] = [];
    for (;;) {
      const { opcode, payload } = await this.next();
      if (opcode === Opcode.close) {
        const code = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
        return { body: Buffer.concat(parts), code, reason: payload.toString('utf8', 2) };
      }
      if (opcode === Opcode.binary) parts.push(payload);
    }
  }

  /** How the server ended the connection. */
  ending(): Promise<Ending> {
    return this.client.ending();
  }

  destroy(): void {
    this.client.destroy();
  }

  #take(): Frame | undefined {
    const bytes = this.client.receivedBuffer.subarray(this.#taken);
    if (bytes.length < 2) return undefined;
    const short = (bytes[1] as number) & 0x7f;
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < start) return undefined;
    let length = short;
    if (short === 126) length = bytes.readUInt16BE(2);
    if (short === 127) length = Number(bytes.readBigUInt64BE(2));
    if (bytes.length < start + length) return undefined;
    this.#taken += start + length;
    const first = bytes[0] as number;
    return {
      opcode: first & 0x0f,
      fin: (first & 0x80) !== 0,
      payload: bytes.subarray(start, start + length),
    };
  }
}

/** An answer of HTTP in place of the upgrade. */
export class RefusedError extends Error {
  constructor(readonly response: RawResponse) {
    super(`${response.status} ${response.body.toString()}`);
  }
}
