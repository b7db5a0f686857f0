import { z } from 'zod';

const number = (least: number, most: number, what: string) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'is no number')
    .transform(Number)
    .pipe(z.int().min(least).max(most))
    .describe(what);

/** Ids have 48 bits. */
const MAX_ID = 2 ** 48 - 1;

/** What stands in the paths. */
export const pathParameters = {
  stream: number(0, MAX_ID, 'Id of a stream.'),
  slot: number(1, MAX_ID, 'Number of a slot, from 1.'),
  stage: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,30}$/, 'is no name of a stage')
    .describe("Name of a stage of the stream's pool."),
  worker: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,62}$/, 'is no id of a remote worker')
    .describe(
      'Id of a remote worker, as it has chosen it: a letter, then up to 62 letters, digits, ' +
        'underscores, dots and dashes.',
    ),
  anyWorker: z
    .string()
    .regex(/^(?:\d{1,2}|[A-Za-z][A-Za-z0-9_.-]{0,62})$/, 'is no id of a worker')
    .describe('Id of a worker: that of a remote one, or the number of its row.'),
} as const;

/** What may stand in the query. */
export const queryParameters = {
  wait: (what: string) => number(0, 2 ** 31 - 1, what).optional(),
  after: (what: string) => number(0, Number.MAX_SAFE_INTEGER, what).optional(),
  worker: pathParameters.worker
    .optional()
    .describe('Reads as this remote worker, which has joined the lane. Without it: a copy.'),
  path: z
    .string()
    .startsWith('/', 'does not begin with a slash')
    .optional()
    .describe('Only requests to this path or below it. Without it: all.'),
  ack: number(
    0,
    MAX_ID,
    'With `worker`: slots up to this one may be overwritten. Without it: those before the one that is ' +
      'asked for.',
  ).optional(),
  offset: number(
    0,
    Number.MAX_SAFE_INTEGER,
    'Where the first byte belongs in the body. Bytes that were written before are skipped, so that a ' +
      'request can be repeated. Without it: after those that were written.',
  ).optional(),
  failed: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .pipe(z.boolean())
    .optional()
    .describe(
      'Gives up: the client gets an error at once, instead of the answer of another worker.',
    ),
} as const;

/** Field that shows a claim's token. */
export const CLAIM_FIELD = 'x-upload-response-claim';
/** Fields that say what a slot is. */
export const SLOT_FIELD = 'x-upload-response-slot';
export const SLOT_TYPE_FIELD = 'x-upload-response-slot-type';
export const LAST_FIELD = 'x-upload-response-last';
/** Field that says how many bytes of a body were taken, also when the rest was not. */
export const WRITTEN_FIELD = 'x-upload-response-written';
