import type { StreamInfo } from '../../ring/machine.js';
import { type ControlContext, waitOf } from '../context.js';
import { expectOpen } from '../gone.js';
import { pathParameters, queryParameters } from '../parameters.js';
import type { Patience } from '../patience.js';
import { requestPicture, streamPicture } from '../pictures.js';
import { type Route, route } from '../route.js';
import { streamListSchema, streamSchema } from '../schemas.js';

/** Which streams there are. */
export function streamRoutes(context: ControlContext): readonly Route[] {
  return [listStreams(context), getStream(context)];
}

function listStreams(context: ControlContext): Route {
  const { segment, facts, remotes } = context;
  const pictures = (wanted: (stream: { id: number; serial: number }) => boolean, least: number) => {
    const known = segment.native.streams().filter(isListed);
    const told = facts();
    const streams = known.filter(wanted).map((info) => streamPicture(segment, info, told));
    const serial = known.reduce((newest, one) => Math.max(newest, one.serial), least);
    return { status: 200, json: { streams, serial } };
  };
  return route({
    method: 'GET',
    path: '/streams',
    asWorker: true,
    operation: 'listStreams',
    summary: 'Streams that are open',
    description:
      'With `worker`: the streams that this remote worker can take, or, as an observer, can read, and ' +
      'that it has not been told of in the last second. It is told of new ones only while it waits, and ' +
      'while it works on fewer than its capacity. Whoever claims first has the stream.',
    takesNew: true,
    params: {},
    query: {
      wait: queryParameters.wait('Milliseconds to wait for a stream when there is none.'),
      after: queryParameters.after('Only streams with a greater serial.'),
      worker: pathParameters.worker.optional().describe('Only what this remote worker may take.'),
    },
    answers: {
      200: { description: 'The streams, none when the time was over.', json: streamListSchema },
    },
    errors: ['UNKNOWN_REMOTE_WORKER', 'NO_FREE_WORKER'],
    handle: async ({ query, patience, subject }) => {
      const after = query.after ?? 0;
      const wait = waitOf(context, query.wait);
      patience.allow(wait);
      if (query.worker === undefined) {
        if (wait > 0) await newStream(context, after, patience);
        return pictures(({ serial }) => serial > after, after);
      }
      const worker = remotes.get(query.worker, subject);
      const ids = new Set(await worker.attend(wait, () => worker.intake.next(patience)));
      return pictures(({ id, serial }) => ids.has(id) && serial > after, after);
    },
  });
}

function getStream({ segment, facts }: ControlContext): Route {
  return route({
    method: 'GET',
    path: '/streams/{stream}',
    asWorker: true,
    operation: 'getStream',
    summary: 'One stream and the head of its request',
    params: { stream: pathParameters.stream },
    answers: { 200: { description: 'The stream.', json: streamSchema } },
    errors: ['UNKNOWN_STREAM', 'STALE_STREAM'],
    handle: ({ params: { stream } }) => {
      const request = requestPicture(segment, stream);
      const info = segment.native.streams().find(({ id }) => id === stream);
      if (info) return { status: 200, json: { ...streamPicture(segment, info, facts()), request } };
      expectOpen(segment, stream);
      throw new Error('an open stream is not listed');
    },
  });
}

/** Resolves when there is a stream with a greater serial, or the time is over. */
async function newStream(
  { watcher, segment }: ControlContext,
  after: number,
  patience: Patience,
): Promise<void> {
  if (segment.native.streams().some((stream) => isListed(stream) && stream.serial > after)) return;
  const seen = new Set(segment.native.listStreams(false));
  const look = () => segment.native.listStreams(false).some((id) => !seen.has(id)) || undefined;
  await watcher.use(({ bell }) => bell.until(look, patience));
}

/** It is open, and its head is there. */
function isListed({ state, lanes }: StreamInfo): boolean {
  return state === 'open' && (lanes[0]?.last ?? 0) > 0;
}
