import { fromNative } from '../errors/index.js';
import {
  type GeometryPlan,
  type LaneInfo,
  loadAddon,
  type MachineInfo,
  type SegmentOptions,
  type StreamInfo,
  type WorkerInfo,
} from '../native/index.js';

export type { GeometryPlan, LaneInfo, MachineInfo, SegmentOptions, StreamInfo, WorkerInfo };

/** The native binary's version and the segment format that it speaks, as `major.minor`.
 *  @throws UploadResponseError NATIVE_UNAVAILABLE */
export function nativeVersion(): { readonly version: string; readonly abi: string } {
  const { version, abiMajor, abiMinor } = loadAddon();
  return { version, abi: `${abiMajor}.${abiMinor}` };
}

/** What the machine and the container have. @throws UploadResponseError NATIVE_UNAVAILABLE */
export function machineInfo(): MachineInfo {
  return loadAddon().machine();
}

/** What a geometry costs and what is free. @throws UploadResponseError INVALID_GEOMETRY */
export function planGeometry(options: SegmentOptions): GeometryPlan {
  try {
    return loadAddon().plan(options);
  } catch (error) {
    throw fromNative(error);
  }
}
