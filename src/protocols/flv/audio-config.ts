import { UploadResponseError } from '../../errors/index.js';

/** What ADTS headers need of an AudioSpecificConfig. */
export interface AudioConfig {
  /** 1 Main, 2 LC, 3 SSR, 4 LTP; of HE-AAC that of its core. */
  readonly objectType: number;
  readonly rateIndex: number;
  readonly channels: number;
}

export const ADTS_BYTES = 7;
const ADTS_MAX_FRAME = 0x1fff;
const RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000,
  7350,
];
const SBR = 5;
const PARAMETRIC_STEREO = 29;

/** ISO/IEC 14496-3, section 1.6.2.1. @throws UploadResponseError MEDIA_INVALID, MEDIA_UNSUPPORTED:
 *  ADTS cannot say it */
export function parseAudioConfig(record: Buffer): AudioConfig {
  const bits = new Bits(record);
  let objectType = readObjectType(bits);
  const rateIndex = readRate(bits);
  const channels = bits.take(4);
  if (objectType === SBR || objectType === PARAMETRIC_STEREO) {
    readRate(bits);
    objectType = readObjectType(bits);
  }
  if (objectType < 1 || objectType > 4) throw unsupported(`AAC object type ${objectType}`);
  if (channels < 1 || channels > 7) throw unsupported(`AAC channel configuration ${channels}`);
  return { objectType, rateIndex, channels };
}

/** Hz; of HE-AAC that of its core. */
export function sampleRateOf({ rateIndex }: AudioConfig): number | undefined {
  return RATES[rateIndex];
}

/** Configuration 7 stands for eight. */
export function channelsOf({ channels }: AudioConfig): number {
  return channels === 7 ? 8 : channels;
}

/** Writes the header of a frame of `length` bytes without it: section 1.A.2.2.
 *  @throws UploadResponseError MEDIA_INVALID: too long for ADTS */
export function writeAdts(into: Buffer, at: number, config: AudioConfig, length: number): void {
  const whole = length + ADTS_BYTES;
  if (whole > ADTS_MAX_FRAME) {
    throw new UploadResponseError('MEDIA_INVALID', `an AAC frame of ${length} bytes`);
  }
  const { objectType, rateIndex, channels } = config;
  into[at] = 0xff;
  into[at + 1] = 0xf1;
  into[at + 2] = ((objectType - 1) << 6) | (rateIndex << 2) | (channels >> 2);
  into[at + 3] = ((channels & 3) << 6) | (whole >> 11);
  into[at + 4] = (whole >> 3) & 0xff;
  into[at + 5] = ((whole & 7) << 5) | 0x1f;
  into[at + 6] = 0xfc;
}

function readObjectType(bits: Bits): number {
  const type = bits.take(5);
  return type === 31 ? 32 + bits.take(6) : type;
}

function readRate(bits: Bits): number {
  const index = bits.take(4);
  if (index < RATES.length) return index;
  if (index !== 15) throw unsupported(`AAC sampling rate index ${index}`);
  const rate = bits.take(24);
  const known = RATES.indexOf(rate);
  if (known < 0) throw unsupported(`AAC at ${rate} Hz`);
  return known;
}

class Bits {
  #at = 0;

  constructor(readonly bytes: Buffer) {}

  take(count: number): number {
    if (this.#at + count > this.bytes.length * 8) {
      throw new UploadResponseError('MEDIA_INVALID', 'AudioSpecificConfig: it is cut short');
    }
    let value = 0;
    for (let i = 0; i < count; i++, this.#at++) {
      const byte = this.bytes[this.#at >> 3] as number;
      value = value * 2 + ((byte >> (7 - (this.#at & 7))) & 1);
    }
    return value;
  }
}

function unsupported(what: string): UploadResponseError {
  return new UploadResponseError('MEDIA_UNSUPPORTED', what);
}
