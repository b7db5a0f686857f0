import { UploadResponseError } from '../../errors/index.js';
import type { ControlContext } from '../context.js';
import { expectOpen } from '../gone.js';
import { pathParameters } from '../parameters.js';
import { laneName } from '../pictures.js';
import { type Route, route } from '../route.js';
import { joinSchema, readerSchema } from '../schemas.js';
import { verdictSchema } from '../worker-schemas.js';
import { type LanePath, laneIndex, REQUEST_PATH, STAGE_PATH } from './lanes.js';

/** Gating readers. */
export function readerRoutes(context: ControlContext): readonly Route[] {
  return [
    joinLane(context, REQUEST_PATH, '/streams/{stream}/readers/{worker}'),
    leaveLane(context, REQUEST_PATH, '/streams/{stream}/readers/{worker}'),
    joinLane(context, STAGE_PATH, '/streams/{stream}/stages/{stage}/readers/{worker}'),
    leaveLane(context, STAGE_PATH, '/streams/{stream}/stages/{stage}/readers/{worker}'),
    giveVerdict(context),
  ];
}

function joinLane({ segment, remotes }: ControlContext, lane: LanePath, path: string): Route {
  return route({
    method: 'PUT',
    path,
    asWorker: true,
    operation: `join${lane.noun}`,
    summary: `Reads the ${lane.noun.toLowerCase()}, or acknowledges what was read`,
    description:
      'From now on no slot is overwritten that the worker has not acknowledged; `gap` says how many were ' +
      'before. A reader that was evicted joins anew.',
    params: { ...lane.params, worker: pathParameters.worker },
    body: joinSchema,
    answers: { 200: { description: 'The reader.', json: readerSchema } },
    errors: [
      ...(['UNKNOWN_STREAM', 'STALE_STREAM', 'UNKNOWN_STAGE', 'UNKNOWN_REMOTE_WORKER'] as const),
      ...(['NO_FREE_READER', 'EVICTED', 'ALREADY_CLAIMED', 'LAPPED'] as const),
    ],
    handle: ({ params, body: { acknowledged }, subject }) => {
      const { stream } = params;
      const worker = remotes.get(params.worker, subject);
      return worker.attend(0, async () => {
        const index = laneIndex(segment, stream, lane, params.stage);
        const reader = worker.stream(stream).join(index, acknowledged ?? 0);
        if (acknowledged !== undefined && acknowledged > reader.acknowledged) {
          reader.acknowledge(acknowledged);
        }
        const { acknowledged: reached, last, gap } = reader;
        const name = laneName(segment, stream, index);
        const json = { stream, lane: name, worker: worker.id, acknowledged: reached, last, gap };
        return { status: 200, json };
      });
    },
  });
}

function leaveLane({ segment, remotes }: ControlContext, lane: LanePath, path: string): Route {
  return route({
    method: 'DELETE',
    path,
    asWorker: true,
    operation: `leave${lane.noun}`,
    summary: `Reads the ${lane.noun.toLowerCase()} no more`,
    params: { ...lane.params, worker: pathParameters.worker },
    answers: { 204: { description: 'It is no reader, and may not have been one.' } },
    errors: ['UNKNOWN_STREAM', 'STALE_STREAM', 'UNKNOWN_STAGE', 'UNKNOWN_REMOTE_WORKER'],
    handle: ({ params: { stream, stage, worker: id }, subject }) => {
      const worker = remotes.get(id, subject);
      return worker.attend(0, async () => {
        worker.held(stream)?.leaveLane(laneIndex(segment, stream, lane, stage));
        return { status: 204 };
      });
    },
  });
}

function giveVerdict({ segment, remotes }: ControlContext): Route {
  return route({
    method: 'PUT',
    path: '/streams/{stream}/verdict/{worker}',
    asWorker: true,
    operation: 'giveVerdict',
    summary: 'A required observer lets the response pass, or refuses the upload',
    description:
      'It has the duty since it has joined the request, which it leaves herewith. One that leaves without ' +
      'a verdict refuses; when one dies, the duty is that of another one.',
    params: { stream: pathParameters.stream, worker: pathParameters.worker },
    body: verdictSchema,
    answers: { 204: { description: 'It has been given.' } },
    errors: ['UNKNOWN_STREAM', 'STALE_STREAM', 'UNKNOWN_REMOTE_WORKER', 'NOT_OWNER'],
    handle: ({ params: { stream, worker: id }, body, subject }) => {
      const worker = remotes.get(id, subject);
      return worker.attend(0, async () => {
        expectOpen(segment, stream);
        const held = worker.held(stream);
        if (!held) throw new UploadResponseError('NOT_OWNER', 'it does not judge this stream');
        held.judge(body);
        return { status: 204 };
      });
    },
  });
}
