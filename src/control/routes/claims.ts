import { UploadResponseError } from '../../errors/index.js';
import { isBelow } from '../../protocols/path.js';
import { Lane } from '../../ring/index.js';
import { type ControlContext, waitOf } from '../context.js';
import { CLAIM_FIELD, pathParameters, queryParameters, WRITTEN_FIELD } from '../parameters.js';
import { claimPicture } from '../pictures.js';
import type { RemoteClaim, WriteTurn } from '../remote-claim.js';
import type { RemoteWorker } from '../remote-worker.js';
import { requestHeadOf } from '../request-head.js';
import { type RawCall, type Route, route } from '../route.js';
import { claimSchema, endSchema, headSchema, slotNumberSchema, writtenSchema } from '../schemas.js';
import { type LanePath, laneIndex, RESPONSE_PATH, STAGE_PATH } from './lanes.js';

const gone = ['UNKNOWN_STREAM', 'STALE_STREAM', 'UNKNOWN_STAGE', 'UNKNOWN_REMOTE_WORKER'] as const;
const notWritten = [
  ...(['UNKNOWN_STREAM', 'STALE_STREAM', 'UNKNOWN_STAGE', 'NOT_OWNER', 'LANE_BUSY'] as const),
  ...(['ANSWER_OUT_OF_ORDER', 'FULL', 'SLOT_TOO_LARGE'] as const),
];
const headErrors = [
  'HPKS_BAD_HEADER_NAME',
  'HPKS_BAD_HEADER_VALUE',
  'HPKS_TOO_MANY_HEADERS',
] as const;
const waitForRoom = queryParameters.wait(
  'Milliseconds to wait each time that the lane is full. Without it: control.maxWaitMs.',
);

/** Answering, and writing stages. */
export function claimRoutes(context: ControlContext): readonly Route[] {
  return [
    ...[RESPONSE_PATH, STAGE_PATH].flatMap((lane) => [
      takeClaim(context, lane),
      giveBack(context, lane),
      writeBody(context, lane),
      writeEnd(context, lane),
    ]),
    writeHead(context),
    takeStream(context),
  ];
}

function takeStream(context: ControlContext): Route {
  const { remotes } = context;
  return route({
    method: 'POST',
    path: '/workers/{worker}/take',
    asWorker: true,
    operation: 'takeStream',
    summary: 'Takes the next stream: claims its response and joins its request',
    description:
      'In one step, so that the way of the answer cannot cost the claim. If the answer cannot be sent, ' +
      'the stream is given back.',
    takesNew: true,
    params: { worker: pathParameters.worker },
    query: {
      wait: queryParameters.wait('Milliseconds to wait for one.'),
      path: queryParameters.path,
    },
    answers: {
      200: { description: 'The claim.', json: claimSchema },
      204: { description: 'There was none in time.' },
    },
    errors: ['UNKNOWN_REMOTE_WORKER'],
    handle: ({ params, query: { path = '/', wait: asked }, patience, subject }) => {
      const worker = remotes.get(params.worker, subject);
      if (worker.role === 'observer') throw observersDoNot();
      const wait = waitOf(context, asked);
      patience.allow(wait);
      return worker.attend(wait, async () => {
        const claim = await worker.intake.take(patience, (head) => isBelow(head.path, path));
        if (!claim) return { status: 204 };
        const json = claimPicture(worker, claim);
        return { status: 200, json, lost: () => worker.held(claim.stream)?.leave() };
      });
    },
  });
}

function observersDoNot(): UploadResponseError {
  return new UploadResponseError('BAD_REQUEST', 'an observer does not answer');
}

function takeClaim(context: ControlContext, lane: LanePath): Route {
  const { segment, remotes } = context;
  return route({
    method: 'PUT',
    path: `/streams/{stream}/${lane.path}/claim/{worker}`,
    asWorker: true,
    operation: `claim${lane.noun}`,
    summary: `Claims the right to write the ${lane.noun.toLowerCase()}`,
    description:
      'One worker at a time has it. Its token fences late writers off: whoever writes shows it. Who ' +
      'claims again what it holds gets the same token.',
    params: { ...lane.params, worker: pathParameters.worker },
    answers: { 200: { description: 'The claim.', json: claimSchema } },
    errors: [...gone, 'ALREADY_CLAIMED'],
    handle: ({ params: { stream, stage, worker: id }, subject }) => {
      const worker = remotes.get(id, subject);
      return worker.attend(0, async () => {
        const index = laneIndex(segment, stream, lane, stage);
        if (index === Lane.response && worker.role === 'observer') {
          throw observersDoNot();
        }
        const version = requestHeadOf(segment, stream)?.version ?? 1;
        const claim = worker.claim(stream, index, version);
        return { status: 200, json: claimPicture(worker, claim) };
      });
    },
  });
}

function giveBack({ segment, remotes }: ControlContext, lane: LanePath): Route {
  return route({
    method: 'DELETE',
    path: `/streams/{stream}/${lane.path}/claim/{worker}`,
    asWorker: true,
    operation: `release${lane.noun}`,
    summary: 'Gives the claim back',
    description:
      'Where nothing was written another worker may claim the lane. Where something was, it cannot be ' +
      'gone on with, and the client gets an error.',
    params: { ...lane.params, worker: pathParameters.worker },
    query: { failed: queryParameters.failed },
    answers: {
      204: { description: 'The worker does not hold the claim, and may not have held it.' },
    },
    errors: gone,
    handle: ({ params: { stream, stage, worker: id }, query: { failed }, subject }) => {
      const worker = remotes.get(id, subject);
      return worker.attend(0, async () => {
        const held = worker.held(stream);
        const claim = held?.claim(laneIndex(segment, stream, lane, stage));
        if (failed) claim?.fail();
        if (claim) held?.release(claim);
        return { status: 204 };
      });
    },
  });
}

function writeHead(context: ControlContext): Route {
  return route({
    method: 'PUT',
    path: '/streams/{stream}/response/headers',
    asWorker: true,
    operation: 'writeResponseHeaders',
    summary: "Writes the answer's head: the client gets it at once",
    claim: true,
    params: { stream: pathParameters.stream },
    query: { wait: waitForRoom },
    body: headSchema,
    answers: { 200: { description: 'It has been written.', json: writtenSchema } },
    errors: [...notWritten, ...headErrors],
    handle: (call) => {
      const { status, headers } = call.body;
      return writing(context, call, RESPONSE_PATH, (claim, turn) =>
        claim.writeHead(status, headers, turn),
      );
    },
  });
}

function writeBody(context: ControlContext, lane: LanePath): Route {
  return route({
    method: 'PUT',
    path: `/streams/{stream}/${lane.path}/body`,
    asWorker: true,
    operation: `write${lane.noun}Body`,
    summary: 'Writes bytes of the body as they arrive',
    description:
      'Waits while the lane is full. Whatever the answer, x-upload-response-written says how many bytes ' +
      'of the body were written so far: the next ones begin there.',
    claim: true,
    params: lane.params,
    query: { offset: queryParameters.offset, wait: waitForRoom },
    bytes: true,
    answers: {
      200: {
        description: 'All of them were written.',
        json: writtenSchema,
        fields: {
          [WRITTEN_FIELD]: slotNumberSchema.describe('Body bytes that were written so far.'),
        },
      },
    },
    errors: notWritten,
    handle: (call) =>
      writing(context, call, lane, async (claim, turn) => {
        try {
          await claim.writeBody(bytesOf(call), call.query.offset, turn);
        } finally {
          call.fields[WRITTEN_FIELD] = String(claim.written);
        }
      }),
  });
}

function writeEnd(context: ControlContext, lane: LanePath): Route {
  return route({
    method: 'PUT',
    path: `/streams/{stream}/${lane.path}/end`,
    asWorker: true,
    operation: `write${lane.noun}End`,
    summary: 'Writes trailers and the end',
    description:
      'Gives the claim back' +
      (lane.noun === 'Response'
        ? ', and what the worker reads of the stream: its work is done.'
        : '.'),
    claim: true,
    params: lane.params,
    query: { wait: waitForRoom },
    body: endSchema,
    answers: { 200: { description: 'It has been written.', json: writtenSchema } },
    errors: [...notWritten, ...headErrors],
    handle: (call) =>
      writing(context, call, lane, async (claim, turn, worker) => {
        await claim.writeEnd(call.body.trailers, turn);
        worker.held(call.params.stream)?.release(claim);
      }),
  });
}

interface WritingCall extends Pick<RawCall, 'headers' | 'subject' | 'patience' | 'payload'> {
  readonly params: { readonly stream: number; readonly stage?: string | undefined };
  readonly query: { readonly wait: number | undefined };
}

/** Writes with the claim that the request shows. */
async function writing(
  context: ControlContext,
  { params: { stream, stage }, query, headers, subject, patience }: WritingCall,
  lane: LanePath,
  write: (claim: RemoteClaim, turn: WriteTurn, worker: RemoteWorker) => Promise<void>,
) {
  const { segment, remotes, config } = context;
  const index = laneIndex(segment, stream, lane, stage);
  const token = headers[CLAIM_FIELD];
  const shown = typeof token === 'string' ? token : undefined;
  const { worker, claim } = remotes.claim(shown, stream, index, subject);
  const waitMs = waitOf(context, query.wait, config.maxWaitMs);
  await worker.attend(0, (touch) => write(claim, { patience, waitMs, touch }, worker));
  return { status: 200, json: { written: claim.written } };
}

async function* bytesOf({ payload, patience }: WritingCall): AsyncGenerator<Uint8Array> {
  // Ending early must not end the connection, on which the error is to be said.
  const chunks = payload.iterator({ destroyOnReturn: false });
  try {
    for await (const chunk of chunks) yield chunk as Buffer;
  } catch {
    throw patience.signal.reason ?? new UploadResponseError('CLIENT_GONE');
  }
}
