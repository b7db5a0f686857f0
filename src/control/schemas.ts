import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../errors/index.js';
import { streamFactsSchema } from '../ingress/index.js';
import { SLOT_TYPES } from './slots.js';

/** The bodies of the API, by the names that they have in its OpenAPI document. */
export const schemas = z.registry<{ id: string }>();

/** Gives a schema the name that it has in the document. */
export function named<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  schemas.add(schema, { id });
  return schema;
}

/** A number of things. */
export const count = (what: string) => z.int().min(0).describe(what);
/** The number of a worker's row. */
export const row = (what: string) => z.int().min(0).max(62).describe(what);
const codes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

const field = z
  .tuple([z.string(), z.string()])
  .describe('Name and value of a field, one character for each byte.');

export const errorSchema = named(
  'Error',
  z.strictObject({
    error: z.enum(codes).describe('Stable; see docs/errors.md.'),
    message: z.string().describe('For people.'),
    remedy: z.string().describe('What can be done.'),
    reason: z.string().optional().describe('STALE_STREAM: the error with which it was aborted.'),
  }),
);

export const requestHeadSchema = named(
  'RequestHead',
  z.strictObject({
    version: z.int().min(1).max(3).describe('Major version of HTTP.'),
    method: z.string(),
    scheme: z.string().optional(),
    authority: z.string().optional().describe('Host and port.'),
    path: z.string().describe('Path and query.'),
    headers: z.array(field).describe('Fields in order, with duplicates.'),
  }),
);

export const responseHeadSchema = named(
  'ResponseHead',
  z.strictObject({
    version: z.int().min(1).max(3).describe('Major version of HTTP.'),
    status: z.int().min(100).max(999),
    headers: z.array(field).describe('Fields in order, with duplicates.'),
  }),
);

const readerPicture = named(
  'ReaderPicture',
  z.strictObject({
    worker: row('Row of the worker.'),
    acknowledged: count('Newest slot that it has acknowledged.'),
    lag: count('Slots that were written and not acknowledged.'),
  }),
);

const lanePicture = named(
  'LanePicture',
  z.strictObject({
    name: z.string().describe('`request`, `response`, or the name of a stage.'),
    last: count('Newest slot, 0: none.'),
    slots: count('Slots that the lane holds at once.'),
    ended: z.boolean().describe('The newest slot is the end.'),
    full: z.boolean().describe('Its writer waits for a reader.'),
    owner: row('Row of the worker that has claimed it.').nullable(),
    failure: z.enum(codes).nullable().describe('With what its writer gave up.'),
    readers: z.array(readerPicture),
  }),
);

const streamFields = {
  id: z.int().min(1),
  serial: count("Which stream since the server's start, from 1."),
  pool: z.string(),
  transport: z.string(),
  state: z.enum(['opening', 'open', 'closing']),
  openedMs: z.number().min(0).describe('Milliseconds since it was opened.'),
  aborted: z.enum(codes).nullable().describe('Why it is in vain.'),
  lanes: z.array(lanePicture).describe('Request, response, stages.'),
  facts: named('StreamFacts', streamFactsSchema)
    .nullable()
    .describe('Null where another server process has the stream.'),
};

export const streamPicture = named('StreamPicture', z.strictObject(streamFields));

export const streamSchema = named(
  'Stream',
  z.strictObject({
    ...streamFields,
    request: requestHeadSchema.nullable().describe('Null when it has been overwritten.'),
  }),
);

export const streamListSchema = named(
  'StreamList',
  z.strictObject({
    streams: z.array(streamPicture),
    serial: count('Newest serial that is known: `after` for the next question.'),
  }),
);

export const laneEndSchema = named(
  'LaneEnd',
  z.strictObject({ last: count('Newest slot, 0: none.'), ended: z.boolean() }),
);

export const readerSchema = named(
  'Reader',
  z.strictObject({
    stream: z.int().min(1),
    lane: z.string(),
    worker: z.string(),
    acknowledged: count('Newest slot that it has acknowledged.'),
    last: count('Newest slot of the lane.'),
    gap: count('Slots that had been overwritten when it joined.'),
  }),
);

export const joinSchema = named(
  'Join',
  z.strictObject({
    acknowledged: z
      .int()
      .min(-1)
      .optional()
      .describe(
        'Slots up to this one count as read; -1: all that are there. Of a reader that has joined ' +
          'before: acknowledges them. Without it: 0.',
      ),
  }),
);

export const claimSchema = named(
  'Claim',
  z.strictObject({
    stream: z.int().min(1),
    lane: z.string(),
    worker: z.string(),
    token: z
      .string()
      .describe('Fencing token: shown as x-upload-response-claim by whoever writes.'),
    written: count('Body bytes that were written: where the next one belongs.'),
    request: requestHeadSchema.nullable().describe('Null when it has been overwritten.'),
  }),
);

export const headSchema = named(
  'AnswerHead',
  z.strictObject({
    status: z.int().min(200).max(599),
    headers: z.array(field).default([]).describe('Fields in order, with duplicates.'),
  }),
);

export const endSchema = named(
  'AnswerEnd',
  z.strictObject({ trailers: z.array(field).default([]).describe('Trailer fields.') }),
);

export const writtenSchema = named(
  'Written',
  z.strictObject({ written: count('Body bytes that were written so far.') }),
);

export const slotHeadSchema = named(
  'SlotHead',
  z.union([
    requestHeadSchema,
    responseHeadSchema,
    z.strictObject({ trailers: z.array(field).describe('Trailer fields in order.') }),
  ]),
);

/** Of fields. */
export const slotNumberSchema = z.int().min(0);
export const slotTypeSchema = z.enum(SLOT_TYPES);
