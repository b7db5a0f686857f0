import { UploadResponseError } from '../errors/index.js';
import { Lane } from './flags.js';
import type { Segment } from './segment.js';

/** The lane of a named stage of this stream's pool.
 *  @throws UploadResponseError UNKNOWN_STAGE, STALE_STREAM */
export function stageLane(segment: Segment, id: number, name: string): number {
  const pool = segment.description.pools[segment.native.poolOf(id)];
  if (!pool) throw new UploadResponseError('STALE_STREAM');
  const stage = pool.stages.indexOf(name);
  if (stage < 0) throw new UploadResponseError('UNKNOWN_STAGE', `${name} (pool ${pool.name})`);
  return Lane.firstStage + stage;
}
