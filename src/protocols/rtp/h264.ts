import { UploadResponseError } from '../../errors/index.js';
import { type Frame, FrameAssembler, type FrameLimits, type OpenFrame } from './frame-assembler.js';
import { ParameterSets } from './parameter-sets.js';

/** NAL unit types: H.264 table 7-1, RFC 6184 section 5.2. */
const Nal = {
  lastSlice: 5,
  idr: 5,
  sps: 7,
  pps: 8,
  delimiter: 9,
  lastSingle: 23,
  stapA: 24,
  fuA: 28,
} as const;
const START_CODE = Buffer.from([0, 0, 0, 1]);

interface OpenPicture extends OpenFrame {
  delimiter: Buffer | undefined;
  hasSlices: boolean;
  hasIdr: boolean;
  hasSps: boolean;
  /** The first slice is the picture's first one: nothing of the picture is missing before it. */
  beginsWithFirstSlice: boolean;
  /** Where in `parts` the header byte of a fragmented NAL unit is that has not ended. */
  fragmentedAt: number | undefined;
}

export interface H264Options extends FrameLimits {
  /** NAL units from the session description (`sprop-parameter-sets`). Malformed ones are left out. */
  readonly parameterSets?: readonly Buffer[] | undefined;
}

/**
 * H.264 over RTP in packetization modes 0 and 1 (RFC 6184): single NAL units, STAP-A, FU-A. Frames are
 * Annex B; the parameter sets stand before each keyframe, and before the first frame after they have
 * changed, behind the access unit delimiter.
 */
export class H264Depacketiser extends FrameAssembler<OpenPicture> {
  readonly #sets = new ParameterSets();
  #setsChanged = false;
  /** The last keyframe brought its parameter sets along. */
  #setsComeAlong = false;

  constructor({ parameterSets = [], ...limits }: H264Options = {}) {
    super(limits);
    for (const nal of parameterSets) this.#offered(nal);
  }

  protected begin(timestamp: number, isStartUncertain: boolean): OpenPicture {
    return {
      ...{ timestamp, isStartUncertain, parts: [], delimiter: undefined, hasSlices: false },
      ...{ hasIdr: false, hasSps: false, beginsWithFirstSlice: false, fragmentedAt: undefined },
    };
  }

  protected take(open: OpenPicture, payload: Buffer): void {
    const type = (payload[0] as number) & 31;
    if (type !== Nal.fuA && open.fragmentedAt !== undefined) {
      throw invalid('a fragmented NAL unit has no end');
    }
    if (type === Nal.fuA) this.#fragment(open, payload);
    else if (type === Nal.stapA) this.#aggregate(open, payload);
    else this.#nal(open, payload);
  }

  protected complete(open: OpenPicture): Frame | 'damaged' | 'undecodable' | undefined {
    if (open.fragmentedAt !== undefined) throw invalid('a fragmented NAL unit has no end');
    if (!open.hasSlices) return undefined;
    const key = open.hasIdr;
    if (open.isStartUncertain) {
      const lacksSets = key && this.#setsComeAlong && !open.hasSps;
      if (!open.beginsWithFirstSlice || lacksSets) return 'damaged';
    }
    if (!this.#sets.areComplete) return 'undecodable';
    const parts: Buffer[] = [];
    if (open.delimiter) parts.push(START_CODE, open.delimiter);
    if (key || this.#setsChanged) {
      for (const set of this.#sets.all()) parts.push(START_CODE, set);
      this.#setsChanged = false;
    }
    if (key) this.#setsComeAlong = open.hasSps;
    for (const part of open.parts) parts.push(part);
    return { timestamp: open.timestamp, key, parts };
  }

  #offered(nal: Buffer): void {
    const type = (nal[0] ?? 0) & 31;
    if (type !== Nal.sps && type !== Nal.pps) return;
    try {
      this.#sets.put(nal);
    } catch (error) {
      if (!(error instanceof UploadResponseError)) throw error;
    }
  }

  /** STAP-A: a byte, then NAL units after their 16-bit lengths (RFC 6184 section 5.7.1). */
  #aggregate(open: OpenPicture, payload: Buffer): void {
    if (payload.length < 4) throw invalid('an aggregation without a NAL unit');
    for (let at = 1; at < payload.length; ) {
      if (at + 2 > payload.length) throw invalid('an aggregation ends inside of a length');
      const end = at + 2 + payload.readUInt16BE(at);
      if (end > payload.length || end === at + 2) throw invalid('an aggregation is malformed');
      this.#nal(open, payload.subarray(at + 2, end));
      at = end;
    }
  }

  /** FU-A: indicator, header with start and end bits, a piece (RFC 6184 section 5.8). */
  #fragment(open: OpenPicture, payload: Buffer): void {
    if (payload.length < 3) throw invalid('a fragment without data');
    const header = payload[1] as number;
    const type = header & 31;
    const isFirst = (header & 0x80) !== 0;
    if (isFirst !== (open.fragmentedAt === undefined)) throw invalid('a fragment is out of place');
    if (isFirst) {
      const head = ((payload[0] as number) & 0xe0) | type;
      checkHead(head);
      open.fragmentedAt = open.parts.push(START_CODE, Buffer.from([head])) - 1;
      this.#slice(open, type, payload[2] as number);
    }
    open.parts.push(payload.subarray(2));
    if ((header & 0x40) === 0) return;
    const at = open.fragmentedAt as number;
    open.fragmentedAt = undefined;
    if (!isAside(type)) return;
    const nal = Buffer.concat(open.parts.splice(at));
    open.parts.pop();
    this.#setAside(open, type, nal);
  }

  #nal(open: OpenPicture, nal: Buffer): void {
    const head = nal[0] as number;
    const type = head & 31;
    checkHead(head);
    if (isAside(type)) {
      this.#setAside(open, type, nal);
      return;
    }
    this.#slice(open, type, nal[1] ?? 0);
    open.parts.push(START_CODE, nal);
  }

  /** What stands before the rest of the frame, or not in each frame. */
  #setAside(open: OpenPicture, type: number, nal: Buffer): void {
    if (type === Nal.delimiter) open.delimiter = nal;
    else if (this.#sets.put(nal)) this.#setsChanged = true;
    if (type === Nal.sps) open.hasSps = true;
  }

  #slice(open: OpenPicture, type: number, second: number): void {
    if (type > Nal.lastSlice) return;
    // first_mb_in_slice, which comes first, is 0 if its first bit is set.
    if (!open.hasSlices) open.beginsWithFirstSlice = (second & 0x80) !== 0;
    open.hasSlices = true;
    if (type === Nal.idr) open.hasIdr = true;
  }
}

const isAside = (type: number): boolean =>
  type === Nal.sps || type === Nal.pps || type === Nal.delimiter;

/** The first byte of a NAL unit: its forbidden bit, and a type that stands for itself. */
function checkHead(head: number): void {
  const type = head & 31;
  if (head >= 0x80 || type === 0 || type > Nal.lastSingle) {
    throw invalid(`a NAL unit of type ${type}`);
  }
}

function invalid(detail: string): UploadResponseError {
  return new UploadResponseError('RTP_PAYLOAD_INVALID', detail);
}
