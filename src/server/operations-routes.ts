import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { OPERATIONS_PATHS } from '../config/admin-schema.js';
import { fromNative } from '../errors/index.js';
import { callerOf } from '../http/index.js';
import { errorAnswer } from '../ingress/index.js';
import { CONTENT_TYPE } from '../metrics/index.js';
import type { HealthReport } from './health.js';
import type { Operations } from './operations.js';

/**
 * Answers health, readiness and metrics. `transport`: what the caller is said to have come by; without
 * it the version of HTTP says it.
 */
export function addOperationsRoutes(
  app: FastifyInstance,
  operations: Operations,
  transport?: string,
): void {
  const method = ['GET', 'HEAD'];
  app.route({
    method,
    url: OPERATIONS_PATHS.health,
    handler: (_, reply) => sendReport(reply, operations.health()),
  });
  app.route({
    method,
    url: OPERATIONS_PATHS.readiness,
    handler: (_, reply) => sendReport(reply, operations.readiness()),
  });
  app.route({
    method,
    url: OPERATIONS_PATHS.metrics,
    handler: (request, reply) => sendMetrics(operations, request, reply, transport),
  });
}

function sendReport(reply: FastifyReply, report: HealthReport & { readonly ok: boolean }) {
  const { ok, ...body } = report;
  return reply
    .code(ok ? 200 : 503)
    .header('cache-control', 'no-store')
    .header('content-type', 'application/json; charset=utf-8')
    .send(`${JSON.stringify(body)}\n`);
}

async function sendMetrics(
  operations: Operations,
  request: FastifyRequest,
  reply: FastifyReply,
  transport = request.raw.httpVersionMajor === 2 ? 'http2' : 'http1',
): Promise<FastifyReply> {
  try {
    const text = await operations.metrics(callerOf(transport, request.raw));
    return reply.header('content-type', CONTENT_TYPE).send(text);
  } catch (thrown) {
    const { status, headers, body } = errorAnswer(fromNative(thrown));
    for (const [name, value] of headers) reply.header(name, value);
    return reply.code(status).send(body);
  }
}
