import { once } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Admission } from '../../admission/index.js';
import { fromNative } from '../../errors/index.js';
import { callerOf, type HttpFront } from '../../http/index.js';
import { errorAnswer, type Logger } from '../../ingress/index.js';
import type { KeptAnswers, WholeAnswer } from './kept-answers.js';

/** What the route has of its transport. */
export interface AnswerRouteHost {
  readonly name: string;
  readonly admission: Admission;
  readonly log: Logger;
}

/** Adds `GET <path>/<id>`, which waits for an answer and gives it; to be called before HTTP listens. */
export function addAnswerRoute(
  http: HttpFront,
  path: string,
  answers: KeptAnswers,
  { name, admission, log }: AnswerRouteHost,
): void {
  const answerOf = async ({ raw, params }: FastifyRequest): Promise<WholeAnswer> => {
    const answer = answers.find((params as { id: string }).id);
    // Who may publish there may read what came of it. The id stays out of it: it is a secret.
    const caller = { ...callerOf(name, raw), path: answer.path, contentLength: undefined };
    (await admission.admit('publish', caller, false)).release();
    return answer.whole;
  };
  const refusalOf = (thrown: unknown): WholeAnswer => {
    const error = fromNative(thrown);
    if (error !== thrown) log.error({ err: thrown }, 'an answer could not be given');
    const { status, headers, body } = errorAnswer(error);
    return { status, headers, body: Buffer.from(body) };
  };
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const gone = new AbortController();
    const left = once(reply.raw, 'close', { signal: gone.signal }).catch(() => {});
    const answer = await Promise.race([answerOf(request).catch(refusalOf), left]);
    gone.abort();
    // The client has left: nobody is there to be answered.
    if (!Array.isArray(answer) && answer) {
      for (const [field, value] of answer.headers) void reply.header(field, value);
      reply.header('cache-control', 'no-store').code(answer.status);
      return reply.send(answer.body);
    }
    return reply.hijack();
  };
  http.app.route({ method: 'GET', url: `${path}/:id`, handler });
}
