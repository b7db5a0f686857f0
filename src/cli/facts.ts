import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { type StreamFacts, streamFactsSchema } from '../ingress/stream-facts.js';
import { factsSocketPath } from '../ring/socket-path.js';
import type { Snapshot } from './snapshot.js';

/** A server process that is stuck holds no look up for longer. */
const PATIENCE_MS = 1000;

const answerSchema = z.object({
  bootId: z.string(),
  streams: z.record(z.string(), streamFactsSchema),
});

/** What the server processes know of their streams beside what the segment says, by id. A process that does
 *  not answer, or not what is expected, is left out. */
export async function readFacts(
  socket: string,
  { segment, workers }: Snapshot,
): Promise<Map<number, StreamFacts>> {
  const servers = workers.filter(({ roles }) => roles.includes('ingress'));
  const all = new Map<number, StreamFacts>();
  const answers = servers.map(({ index }) => ask(factsSocketPath(socket, index)));
  for (const answer of await Promise.all(answers)) {
    if (answer?.bootId !== segment.bootId) continue;
    for (const [id, facts] of Object.entries(answer.streams)) all.set(Number(id), facts);
  }
  return all;
}

async function ask(path: string): Promise<z.output<typeof answerSchema> | undefined> {
  const connection = connect(path);
  const timer = setTimeout(() => connection.destroy(new Error('too late')), PATIENCE_MS);
  try {
    return answerSchema.parse(JSON.parse(await text(connection)));
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
    connection.destroy();
  }
}

/** The snapshot with what is known of its streams. */
export async function withFacts(socket: string, snapshot: Snapshot): Promise<Snapshot> {
  const facts = await readFacts(socket, snapshot);
  const streams = snapshot.streams.map((stream) => ({
    ...stream,
    facts: facts.get(stream.id) ?? null,
  }));
  return { ...snapshot, streams };
}
