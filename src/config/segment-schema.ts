import { z } from 'zod';

/** The limits of native/core/layout.h, so that a value is refused with its key and line. */
const MAX_STREAMS = 65_536;
const MAX_SLOTS_PER_LANE = 2 ** 20;

const name = (what: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,30}$/)
    .meta({
      accepted: 'a name of 1 to 31 letters, digits, dots, dashes and underscores',
      description: what,
    });

const slots = (lane: string, preset: number) =>
  z
    .int()
    .min(2)
    .max(MAX_SLOTS_PER_LANE)
    .default(preset)
    .describe(`Slots of ${lane} of each stream. More slots let the two sides drift further apart.`);

const pool = z.strictObject({
  name: name('Name of the pool; a transport says in which pool it opens its streams.'),
  streams: z
    .int()
    .min(1)
    .max(MAX_STREAMS)
    .default(112)
    .describe('Requests that can be under way at once; one more is answered 503.'),
  slotSize: z
    .int()
    .min(1024)
    .max(2 ** 21)
    .default(65_536)
    .describe('Bytes of one slot: 64KB for uploads, less for media and packets.'),
  requestSlots: slots('the request lane', 32),
  responseSlots: slots('the response lane', 8),
  stageSlots: slots('each stage lane', 8),
  stages: z
    .array(name('Name of the stage.'))
    .max(8)
    .default([])
    .describe('Named lanes between the workers of a pipeline, beside request and response.'),
  readersPerLane: z
    .int()
    .min(2)
    .max(4096)
    .default(32)
    .describe('Readers that one lane takes at once; the server itself is one of them.'),
});

/** Configuration of the shared memory. */
export const segmentSchema = z
  .strictObject({
    socket: z
      .string()
      .min(1)
      .refine(
        (path) => Buffer.byteLength(path) <= 107,
        'has more than 107 bytes, which no socket can',
      )
      .optional()
      .meta({
        path: true,
        accepted: 'a path of at most 107 bytes',
        description:
          'Control socket that workers attach to. Without it: UR_SOCKET, else ' +
          '`$XDG_RUNTIME_DIR/upload-response/default.sock`, else a folder of this user among the ' +
          'temporary files.',
      }),
    maxWorkers: z
      .int()
      .min(2)
      .max(63)
      .default(32)
      .describe('Processes that may be attached at once, the server included.'),
    memory: z
      .enum(['fixed', 'elastic'])
      .default('fixed')
      .describe(
        '`fixed`: everything is allocated at start. `elastic`: streams beyond `warmStreams` give ' +
          'their memory back when they close, and a shortage is a 503.',
      ),
    warmStreams: z
      .int()
      .min(0)
      .max(MAX_STREAMS)
      .default(16)
      .describe('Elastic memory only: closed streams of each pool that keep their memory.'),
    requiredObservers: z
      .array(name('Name of the observer.'))
      .max(8)
      .default([])
      .describe('Observers without whose verdict no response passes.'),
    pools: z
      .array(pool)
      .min(1)
      .max(16)
      .default([pool.parse({ name: 'uploads' })])
      .describe('Groups of streams with the same geometry.'),
  })
  .superRefine((segment, context) => {
    const seen = new Set<string>();
    let streams = 0;
    segment.pools.forEach((one, index) => {
      streams += one.streams;
      if (seen.has(one.name)) {
        const message = `two pools are named "${one.name}"; accepted: a name that no other pool has`;
        context.addIssue({ code: 'custom', path: ['pools', index, 'name'], message });
      }
      seen.add(one.name);
    });
    if (streams > MAX_STREAMS) {
      const message = `all pools together have ${streams} streams; accepted: at most ${MAX_STREAMS}`;
      context.addIssue({ code: 'custom', path: ['pools'], message });
    }
  });

export type SegmentConfig = z.output<typeof segmentSchema>;
