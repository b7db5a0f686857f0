import { UploadResponseError } from '../../errors/index.js';

const SPS = 7;
/** Real ones have some dozens of bytes; with their scaling lists less than 2 KB. */
const MAX_SET_BYTES = 4096;
/** Together. They stand before each keyframe: without a limit a packet of a few bytes would become as long
 *  as all sets that there can be. */
const MAX_ALL_BYTES = 32 * 1024;
/** Ids: H.264 sections 7.4.2.1.1 and 7.4.2.2. */
const MAX_SPS_ID = 31;
const MAX_PPS_ID = 255;
/** Profile, constraints and level stand before the id of a sequence parameter set. */
const SPS_ID_AT = 4;
const PPS_ID_AT = 1;

/** The parameter sets of an H.264 stream that are in force, by their ids. */
export class ParameterSets {
  readonly #sps = new Map<number, Buffer>();
  readonly #pps = new Map<number, Buffer>();
  #bytes = 0;

  /** Pictures can be decoded by them. */
  get areComplete(): boolean {
    return this.#sps.size > 0 && this.#pps.size > 0;
  }

  /**
   * Takes a NAL unit of type 7 or 8. True: it differs from the one with this id before.
   * @throws UploadResponseError RTP_PAYLOAD_INVALID
   */
  put(nal: Buffer): boolean {
    const isSps = ((nal[0] as number) & 31) === SPS;
    if (nal.length > MAX_SET_BYTES) throw invalid('a parameter set is too long');
    const id = exponentialGolomb(nal, isSps ? SPS_ID_AT : PPS_ID_AT);
    if (id > (isSps ? MAX_SPS_ID : MAX_PPS_ID)) throw invalid('a parameter set has no possible id');
    const sets = isSps ? this.#sps : this.#pps;
    const before = sets.get(id);
    if (before?.equals(nal)) return false;
    const bytes = this.#bytes - (before?.length ?? 0) + nal.length;
    if (bytes > MAX_ALL_BYTES) throw invalid('its parameter sets are too long together');
    this.#bytes = bytes;
    // In memory of its own: it outlives the datagram.
    sets.set(id, Buffer.from(nal));
    return true;
  }

  /** All of them, those of sequences first. */
  *all(): IterableIterator<Buffer> {
    yield* this.#sps.values();
    yield* this.#pps.values();
  }
}

/** ue(v) at a byte's first bit (H.264 section 9.1); values that matter here have at most 8 bits. */
function exponentialGolomb(bytes: Buffer, at: number): number {
  const bit = (index: number): number => ((bytes[at + (index >> 3)] ?? 0) >> (7 - (index & 7))) & 1;
  let zeros = 0;
  while (zeros < 9 && bit(zeros) === 0) zeros++;
  if (at >= bytes.length || zeros === 9) throw invalid('a parameter set has no id');
  let value = 1;
  for (let index = 0; index < zeros; index++) value = (value << 1) | bit(zeros + 1 + index);
  return value - 1;
}

function invalid(detail: string): UploadResponseError {
  return new UploadResponseError('RTP_PAYLOAD_INVALID', detail);
}
