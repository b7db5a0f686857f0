import { UploadResponseError } from '../../errors/index.js';
import type { RtpPacket } from './packet.js';

/** A whole frame that a decoder which had everything before it can decode. */
export interface Frame {
  /** 32 bits, in the units of the payload's clock. */
  readonly timestamp: number;
  readonly key: boolean;
  /** The data, one after the other: views of datagrams. */
  readonly parts: readonly Buffer[];
  /** Where the frame says it. */
  readonly width?: number;
  readonly height?: number;
}

/** A frame that is not passed on. */
export interface DroppedFrame {
  readonly timestamp: number;
  /** `damaged`: a part is missing or malformed; `undecodable`: what it needs was damaged or never came. */
  readonly dropped: 'damaged' | 'undecodable';
  /** What is malformed. */
  readonly error?: UploadResponseError;
}

/** Makes frames of packets in order. */
export interface Depacketiser {
  /** Takes the next packet; returns the frames that are complete by it. Never throws. */
  push(packet: RtpPacket): (Frame | DroppedFrame)[];
  /** Packets are missing between the last one and the next one. */
  lost(): void;
  /** No more packets come: video that has not come to its end is damaged. */
  finish(): (Frame | DroppedFrame)[];
  /** Nothing can be passed on before a keyframe. */
  readonly needsKeyframe: boolean;
}

/** A frame whose packets are coming. */
export interface OpenFrame {
  readonly timestamp: number;
  /** Packets may be missing before its first one. */
  readonly isStartUncertain: boolean;
  readonly parts: Buffer[];
}

export interface FrameLimits {
  /** Datagrams of one frame, in bytes. Default 16 MiB. */
  readonly maxFrameBytes?: number | undefined;
}

const DEFAULT_MAX_FRAME_BYTES = 16 * 1024 * 1024;
/** Each part costs an object: many small ones must not cost more than few large ones. */
const MAX_PARTS = 65_536;

/**
 * What the depacketisers of video have in common: a frame ends with the marker or where the time stamp
 * changes. After a loss nothing is passed on before the next keyframe that is whole.
 */
export abstract class FrameAssembler<Open extends OpenFrame> implements Depacketiser {
  readonly #maxFrameBytes: number;
  #open: Open | undefined;
  #bytes = 0;
  #error: UploadResponseError | undefined;
  #isDamaged = false;
  /** Packets are missing since the last one. */
  #isGap = false;
  #needsKeyframe = true;

  constructor({ maxFrameBytes = DEFAULT_MAX_FRAME_BYTES }: FrameLimits = {}) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  get needsKeyframe(): boolean {
    return this.#needsKeyframe;
  }

  push(packet: RtpPacket): (Frame | DroppedFrame)[] {
    // Packets of padding only belong to no frame.
    if (packet.payload.length === 0) return [];
    const frames: (Frame | DroppedFrame)[] = [];
    if (this.#isGap && this.#open) this.#isDamaged = true;
    if (this.#open && this.#open.timestamp !== packet.timestamp) this.#close(frames);
    if (!this.#open) {
      this.#open = this.begin(packet.timestamp, this.#isGap);
      this.#bytes = 0;
    }
    this.#isGap = false;
    if (!this.#isDamaged) this.#take(this.#open, packet);
    if (packet.marker) this.#close(frames);
    return frames;
  }

  lost(): void {
    this.#isGap = true;
    this.#needsKeyframe = true;
  }

  finish(): (Frame | DroppedFrame)[] {
    const frames: (Frame | DroppedFrame)[] = [];
    // Without the marker nobody knows whether the rest is still missing.
    this.#isDamaged = this.#open !== undefined;
    if (this.#open) this.#close(frames);
    return frames;
  }

  protected abstract begin(timestamp: number, isStartUncertain: boolean): Open;
  /** Adds a payload, which is not empty. @throws UploadResponseError RTP_PAYLOAD_INVALID */
  protected abstract take(open: Open, payload: Buffer): void;
  /** The frame; `damaged`; or undefined: there is no picture in it.
   *  @throws UploadResponseError RTP_PAYLOAD_INVALID */
  protected abstract complete(open: Open): Frame | 'damaged' | 'undecodable' | undefined;

  #take(open: Open, packet: RtpPacket): void {
    try {
      this.#bytes += packet.datagramBytes;
      this.take(open, packet.payload);
      if (this.#bytes > this.#maxFrameBytes || open.parts.length > MAX_PARTS) {
        throw new UploadResponseError(
          'RTP_FRAME_TOO_LARGE',
          `more than ${this.#maxFrameBytes} bytes`,
        );
      }
    } catch (error) {
      this.#fail(error);
      open.parts.length = 0;
    }
  }

  #fail(error: unknown): void {
    if (!(error instanceof UploadResponseError)) throw error;
    this.#error = error;
    this.#isDamaged = true;
  }

  #close(frames: (Frame | DroppedFrame)[]): void {
    const open = this.#open as Open;
    let made: Frame | 'damaged' | 'undecodable' | undefined = 'damaged';
    try {
      if (!this.#isDamaged) made = this.complete(open);
    } catch (error) {
      this.#fail(error);
    }
    const { timestamp } = open;
    const error = this.#error;
    this.#open = undefined;
    this.#error = undefined;
    this.#isDamaged = false;
    if (made === undefined) return;
    if (typeof made === 'object' && (made.key || !this.#needsKeyframe)) {
      this.#needsKeyframe = false;
      frames.push(made);
      return;
    }
    this.#needsKeyframe = true;
    const dropped = typeof made === 'object' ? 'undecodable' : made;
    frames.push(error ? { timestamp, dropped, error } : { timestamp, dropped });
  }
}
