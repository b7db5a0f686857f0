import { z } from 'zod';
import { count, named, row } from './schemas.js';

export const heartbeatSchema = named(
  'Heartbeat',
  z.strictObject({
    name: z
      .string()
      .regex(/^[\x20-\x7e]{1,63}$/)
      .optional()
      .describe('What people see. Without it: the id. Does not change.'),
    role: z
      .enum(['responder', 'observer'])
      .optional()
      .describe('Whether it answers. Without it: responder. Does not change.'),
    observer: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,30}$/)
      .optional()
      .describe(
        'Name of the required observer (segment.requiredObservers) that it is: no response passes ' +
          'without its verdict. Does not change.',
      ),
    capacity: z
      .int()
      .min(1)
      .max(65_536)
      .optional()
      .describe(
        'Responses that it works on at once; it is told of new streams below that. First: 1.',
      ),
    timeoutMs: z
      .int()
      .min(1000)
      .max(300_000)
      .optional()
      .describe('Silent for so long it counts as dead. First: control.workerTimeoutMs.'),
  }),
);

const remoteSchema = named(
  'RemoteWorker',
  z.strictObject({
    timeoutMs: count('Silent for so long it counts as dead.'),
    expiresInMs: z.number().min(0).describe('When it counts as dead unless it is heard of.'),
    reads: z.array(
      z.strictObject({ stream: z.int().min(1), lane: z.string(), acknowledged: count('') }),
    ),
    claims: z.array(
      z.strictObject({ stream: z.int().min(1), lane: z.string(), written: count('') }),
    ),
  }),
);

export const workerSchema = named(
  'Worker',
  z.strictObject({
    id: z
      .string()
      .describe('Of a remote worker of this process: its id. Else the number of its row.'),
    row: row('Its row of the segment.'),
    name: z.string(),
    pid: count('Process that holds the row: for a remote worker that of a server.'),
    roles: z.array(z.enum(['ingress', 'responder', 'observer'])),
    observer: z.string().nullable().describe('The required observer that it is.'),
    capacity: count('Responses at once, 0: it does not say.'),
    inFlight: count('Responses that it works on.'),
    heartbeatAgeMs: z.number().min(0).describe('Milliseconds since its process was last awake.'),
    attachedMs: z.number().min(0).describe('Milliseconds since it was attached.'),
    remote: remoteSchema.nullable().describe('Of a remote worker of this process.'),
  }),
);

export const workerListSchema = named(
  'WorkerList',
  z.strictObject({ workers: z.array(workerSchema) }),
);

export const capacitySchema = named(
  'Capacity',
  z.strictObject({
    capacity: count('Responses that all responders together work on at once.'),
    inFlight: count('Responses that they work on.'),
    free: count('Responses that they could take now.'),
    rows: z.strictObject({ total: count('Workers that may be attached.'), used: count('') }),
    remoteWorkers: z.strictObject({ total: count('Of this process.'), used: count('') }),
    pools: z.array(
      z.strictObject({
        name: z.string(),
        streams: count('Streams at once.'),
        used: count('Streams that are open or set aside.'),
        slotSize: count('Bytes of a slot.'),
        stages: z.array(z.string()),
      }),
    ),
  }),
);

export const verdictSchema = named(
  'Verdict',
  z.strictObject({
    pass: z.boolean().describe('Whether the response may pass.'),
    status: z.int().min(400).max(599).default(422).describe('What the client gets instead.'),
    reason: z
      .string()
      .refine((text) => Buffer.byteLength(text) <= 112, 'has more than 112 bytes')
      .default('')
      .describe('Why, for the client: at most 112 bytes of UTF-8.'),
  }),
);
