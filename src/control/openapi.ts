import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../errors/index.js';
import { CONTROL_PREFIX } from './config.js';
import { CLAIM_FIELD } from './parameters.js';
import { type AnswerSpec, type Route, route } from './route.js';
import { errorSchema, schemas } from './schemas.js';

/** What every route may answer: who asks is not let in, asks in the wrong way, or too late. */
const COMMON_ERRORS: readonly ErrorCode[] = [
  ...(['BAD_REQUEST', 'UNAUTHENTICATED', 'INVALID_CREDENTIALS', 'FORBIDDEN'] as const),
  ...(['TOO_MANY_REQUESTS', 'AUTH_UNAVAILABLE', 'SHUTTING_DOWN', 'SYSTEM'] as const),
];
const BODY_ERRORS: readonly ErrorCode[] = ['BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];
const BYTES = { type: 'string', format: 'binary' };

/** The OpenAPI 3.1 document of these routes, itself among them. */
export function openApiRoutes(routes: readonly Route[]): readonly Route[] {
  let document: object = {};
  const all = [
    ...routes,
    route({
      method: 'GET',
      path: '/openapi.json',
      asWorker: true,
      operation: 'getDescription',
      summary: 'This document',
      params: {},
      answers: { 200: { description: 'OpenAPI 3.1.', json: z.looseObject({}) } },
      errors: [],
      handle: () => ({ status: 200, json: document }),
    }),
  ];
  document = openApiDocument(all);
  return all;
}

function openApiDocument(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const one of routes) {
    const path = `${CONTROL_PREFIX}${one.path}`;
    paths[path] = { ...paths[path], [one.method.toLowerCase()]: operationOf(one) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'upload-response control API',
      version: '1',
      summary: 'Streams, slots, readers, claims and remote workers of a server',
      description: 'docs/control-api.md explains it.',
    },
    servers: [{ url: '/' }],
    security: [{}, { bearer: [] }],
    paths,
    components: {
      schemas: components(),
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function operationOf(one: Route): object {
  const { operation, summary, description } = one;
  return {
    operationId: operation,
    summary,
    ...(description !== undefined && { description }),
    'x-permissions': one.asWorker ? ['api', 'read'] : ['api'],
    parameters: parametersOf(one),
    ...bodyOf(one),
    responses: { ...answersOf(one), ...errorsOf(one) },
  };
}

function parametersOf({ path, params, query = {}, claim }: Route): object[] {
  const named = (place: string, name: string, schema: z.ZodType) => {
    const required = place === 'path' || !schema.safeParse(undefined).success;
    const { description, ...rest } = jsonSchema(schema);
    return { name, in: place, required, description, schema: rest };
  };
  const list = Object.entries(params)
    .filter(([name]) => path.includes(`{${name}}`))
    .map(([name, schema]) => named('path', name, schema));
  list.push(...Object.entries(query).map(([name, schema]) => named('query', name, schema)));
  if (claim) {
    list.push(named('header', CLAIM_FIELD, z.string().describe('Token of the claim.')));
  }
  return list;
}

function bodyOf({ body, bytes }: Route): object {
  if (bytes) return { requestBody: { content: { 'application/octet-stream': { schema: BYTES } } } };
  if (!body) return {};
  const required = !body.safeParse({}).success;
  const schema = jsonSchema(body, 'input');
  return { requestBody: { required, content: { 'application/json': { schema } } } };
}

function answersOf({ answers }: Route): Record<string, object> {
  return Object.fromEntries(
    Object.entries(answers).map(([status, answer]) => [status, answerOf(answer)]),
  );
}

function answerOf({ description, json, bytes, fields }: AnswerSpec): object {
  const content = {
    ...(bytes && { 'application/octet-stream': { schema: BYTES } }),
    ...(json && { 'application/json': { schema: jsonSchema(json) } }),
  };
  const headers = Object.entries(fields ?? {}).map(([name, schema]) => {
    const { description: what, ...rest } = jsonSchema(schema);
    return [name, { description: what, required: true, schema: rest }] as const;
  });
  return {
    description,
    ...(headers.length > 0 && { headers: Object.fromEntries(headers) }),
    ...(Object.keys(content).length > 0 && { content }),
  };
}

function errorsOf(one: Route): Record<string, object> {
  const byStatus = new Map<number, ErrorCode[]>();
  const codes = [...COMMON_ERRORS, ...(one.body ? BODY_ERRORS : []), ...one.errors];
  for (const code of new Set(codes)) {
    const { http } = ERRORS[code];
    byStatus.set(http, [...(byStatus.get(http) ?? []), code]);
  }
  const list = [...byStatus].sort(([a], [b]) => a - b);
  return Object.fromEntries(
    list.map(([status, names]) => [
      status,
      {
        description: names.map((name) => `${name}: ${ERRORS[name].text}`).join('; '),
        content: { 'application/json': { schema: jsonSchema(errorSchema) } },
      },
    ]),
  );
}

function reference(id: string): string {
  return `#/components/schemas/${id}`;
}

function components(): object {
  const { schemas: made } = z.toJSONSchema(schemas, { uri: reference, io: 'input' });
  return Object.fromEntries(
    Object.entries(made).map(([name, schema]) => [name, withoutDialect(schema)]),
  );
}

/** A schema that stands for itself, or the reference to one that has a name. */
function jsonSchema(
  schema: z.ZodType,
  io: 'input' | 'output' = 'output',
): { readonly description?: string | undefined; readonly [key: string]: unknown } {
  const id = schemas.get(schema)?.id;
  return id === undefined
    ? withoutDialect(z.toJSONSchema(schema, { io }))
    : { $ref: reference(id) };
}

function withoutDialect({ $schema: _, $id: __, ...schema }: Record<string, unknown>) {
  return schema as { readonly description?: string | undefined; readonly [key: string]: unknown };
}
