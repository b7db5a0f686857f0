import { UploadResponseError } from '../../errors/index.js';
import { type ControlContext, waitOf } from '../context.js';
import {
  LAST_FIELD,
  pathParameters,
  queryParameters,
  SLOT_FIELD,
  SLOT_TYPE_FIELD,
} from '../parameters.js';
import type { Patience } from '../patience.js';
import { slotPicture } from '../pictures.js';
import { type Answer, type AnswerSpec, type RawCall, type Route, route } from '../route.js';
import { laneEndSchema, slotHeadSchema, slotNumberSchema, slotTypeSchema } from '../schemas.js';
import { awaitBeyond, awaitSlot, copySlot, laneEnd, type SlotCopy } from '../slots.js';
import { type LanePath, laneIndex, REQUEST_PATH, RESPONSE_PATH, STAGE_PATH } from './lanes.js';

const errors = [
  ...(['UNKNOWN_STREAM', 'STALE_STREAM', 'LAPPED', 'UNKNOWN_STAGE'] as const),
  ...(['NO_FREE_WORKER', 'WORKER_FAILED', 'WORKER_DIED'] as const),
];

const slotAnswers: Readonly<Record<number, AnswerSpec>> = {
  200: {
    description: 'The slot. Accepting application/json, a headers or trailers slot comes decoded.',
    bytes: true,
    json: slotHeadSchema,
    fields: {
      [SLOT_FIELD]: slotNumberSchema.describe('Its number.'),
      [SLOT_TYPE_FIELD]: slotTypeSchema.describe(
        'headers, trailers: an HPKS frame. body: bytes. end: nothing.',
      ),
      [LAST_FIELD]: slotNumberSchema.describe('Newest slot of the lane.'),
    },
  },
  204: { description: 'It has not been written yet, nor in the time that was waited.' },
};

const waitForSlot = queryParameters.wait(
  'Milliseconds to wait for a slot that is not written yet.',
);

/** Reading lanes. */
export function slotRoutes(context: ControlContext): readonly Route[] {
  return [
    ...[REQUEST_PATH, RESPONSE_PATH, STAGE_PATH].map((lane) => getLast(context, lane)),
    ...[REQUEST_PATH, STAGE_PATH].map((lane) => readSlot(context, lane)),
    getResponseSlot(context),
  ];
}

function getLast(context: ControlContext, lane: LanePath): Route {
  const { segment, watcher } = context;
  return route({
    method: 'GET',
    path: `/streams/{stream}/${lane.path}/last`,
    asWorker: true,
    operation: `get${lane.noun}Last`,
    summary: `How far the ${lane.noun.toLowerCase()} has come`,
    params: lane.params,
    query: {
      after: queryParameters.after('Slot that is known: waits for one beyond it.'),
      wait: queryParameters.wait('Milliseconds to wait for a slot beyond `after`.'),
    },
    answers: { 200: { description: 'How far; also when the time is over.', json: laneEndSchema } },
    errors,
    handle: async ({ params: { stream, stage }, query: { after = 0, wait: asked }, patience }) => {
      const index = laneIndex(segment, stream, lane, stage);
      const end = laneEnd(segment, stream, index);
      const wait = waitOf(context, asked);
      if (wait === 0 || end.ended || end.last > after) return { status: 200, json: end };
      patience.allow(wait);
      await watcher.use((on) => awaitBeyond(on.segment, stream, index, after, patience));
      return { status: 200, json: laneEnd(segment, stream, index) };
    },
  });
}

function readSlot(context: ControlContext, lane: LanePath): Route {
  const { segment, remotes } = context;
  return route({
    method: 'GET',
    path: `/streams/{stream}/${lane.path}/slots/{slot}`,
    asWorker: true,
    operation: `get${lane.noun}Slot`,
    summary: `One slot of the ${lane.noun.toLowerCase()}`,
    description:
      'With `worker`, which must have joined, the slot cannot be overwritten before: this acknowledges ' +
      'the slots before it, or those up to `ack`. Without it nobody waits for the caller, and a slot may ' +
      'be gone (410).',
    params: { ...lane.params, slot: pathParameters.slot },
    query: { wait: waitForSlot, worker: queryParameters.worker, ack: queryParameters.ack },
    answers: slotAnswers,
    errors: [...errors, 'UNKNOWN_REMOTE_WORKER', 'NOT_A_READER', 'EVICTED'],
    handle: async (call) => {
      const { stream, stage, slot } = call.params;
      const { worker: id, ack = slot - 1 } = call.query;
      const index = laneIndex(segment, stream, lane, stage);
      const wait = waitOf(context, call.query.wait);
      if (id === undefined) {
        if (call.query.ack === undefined) return copied(context, call, stream, index, slot, wait);
        throw new UploadResponseError('BAD_REQUEST', 'ack: only a worker acknowledges');
      }
      const worker = remotes.get(id, call.subject);
      return worker.attend(wait, async () => {
        const reader = worker.held(stream)?.reader(index);
        if (!reader) throw new UploadResponseError('NOT_A_READER');
        reader.acknowledge(ack);
        call.patience.allow(wait);
        return answerSlot(call, await reader.read(slot, call.patience));
      });
    },
  });
}

/** Only the client takes an answer: nobody else holds it back. */
function getResponseSlot(context: ControlContext): Route {
  return route({
    method: 'GET',
    path: '/streams/{stream}/response/slots/{slot}',
    asWorker: true,
    operation: 'getResponseSlot',
    summary: 'One slot of the response',
    description: 'A copy: nobody waits for the caller, and a slot may be gone (410).',
    params: { stream: pathParameters.stream, slot: pathParameters.slot },
    query: { wait: waitForSlot },
    answers: slotAnswers,
    errors,
    handle: (call) => {
      const { stream, slot } = call.params;
      const index = laneIndex(context.segment, stream, RESPONSE_PATH, undefined);
      return copied(context, call, stream, index, slot, waitOf(context, call.query.wait));
    },
  });
}

async function copied(
  { segment, watcher }: ControlContext,
  call: RawAnswering,
  stream: number,
  lane: number,
  slot: number,
  wait: number,
): Promise<Answer> {
  const { patience } = call;
  let copy = copySlot(segment, stream, lane, slot);
  if (!copy && wait > 0) {
    patience.allow(wait);
    copy = await watcher.use((on) => awaitSlot(on.segment, stream, lane, slot, patience));
  }
  return answerSlot(call, copy);
}

interface RawAnswering extends Pick<RawCall, 'headers' | 'fields'> {
  readonly patience: Patience;
}

function answerSlot({ headers, fields }: RawAnswering, copy: SlotCopy | undefined): Answer {
  if (!copy) return { status: 204 };
  fields[SLOT_FIELD] = String(copy.slot);
  fields[SLOT_TYPE_FIELD] = copy.type;
  fields[LAST_FIELD] = String(copy.last);
  const picture = accepts(headers.accept, 'application/json') ? slotPicture(copy) : undefined;
  return picture ? { status: 200, json: picture } : { status: 200, bytes: copy.bytes };
}

function accepts(accept: string | string[] | undefined, type: string): boolean {
  return String(accept ?? '')
    .split(',')
    .some((range) => range.split(';')[0]?.trim().toLowerCase() === type);
}
