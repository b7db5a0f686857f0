import { UploadResponseError } from '../errors/index.js';
import { stageLane } from '../ring/stage-lane.js';
import { type BodyOptions, LaneBody } from './lane-body.js';
import { LaneWriter } from './lane-writer.js';
import type { StreamScope } from './stream-scope.js';

/** Claims a stage lane for writing.
 *  @throws UploadResponseError UNKNOWN_STAGE, ALREADY_CLAIMED, STALE_STREAM */
export function writeStage(scope: StreamScope, name: string): LaneWriter {
  const { segment, id } = scope;
  const ring = segment.tryClaim(id, stageLane(segment, id, name));
  if (!ring) throw new UploadResponseError('ALREADY_CLAIMED', `stage ${name}`);
  return scope.own(new LaneWriter(scope, ring));
}

/**
 * Joins a stage lane from its first slot, whether it has begun or not.
 * @throws UploadResponseError UNKNOWN_STAGE, NO_FREE_READER, LAPPED when its first slots are gone
 */
export function readStage(scope: StreamScope, name: string, options: BodyOptions): LaneBody {
  const { segment, id } = scope;
  const lane = stageLane(segment, id, name);
  const reader = segment.join(id, lane, 0);
  if (reader.gap > 0) {
    reader.leave();
    throw new UploadResponseError('LAPPED', `stage ${name} was joined too late`);
  }
  return scope.own(new LaneBody(scope, reader, options));
}
