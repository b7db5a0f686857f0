import { Lane, type Segment } from '../../ring/index.js';
import { stageLane } from '../../ring/stage-lane.js';
import { expectOpen } from '../gone.js';
import { pathParameters } from '../parameters.js';

/** A lane as the paths name it. */
export interface LanePath {
  /** Of operations: `Request`, `Response`, `Stage`. */
  readonly noun: 'Request' | 'Response' | 'Stage';
  /** Below a stream. */
  readonly path: string;
  readonly params: typeof laneParams;
}

/** Only a stage's path has the name of a stage. */
const laneParams = { stream: pathParameters.stream, stage: pathParameters.stage.optional() };

export const REQUEST_PATH: LanePath = { noun: 'Request', path: 'request', params: laneParams };
export const RESPONSE_PATH: LanePath = { noun: 'Response', path: 'response', params: laneParams };
export const STAGE_PATH: LanePath = { noun: 'Stage', path: 'stages/{stage}', params: laneParams };

/** The lane that a path means.
 *  @throws UploadResponseError UNKNOWN_STAGE, UNKNOWN_STREAM, STALE_STREAM */
export function laneIndex(
  segment: Segment,
  id: number,
  { noun }: LanePath,
  stage: string | undefined,
): number {
  expectOpen(segment, id);
  if (noun !== 'Stage') return Lane[noun === 'Request' ? 'request' : 'response'];
  return stageLane(segment, id, stage ?? '');
}
