import type { Readable } from 'node:stream';
import { z } from 'zod';
import { type ErrorCode, UploadResponseError } from '../errors/index.js';
import type { Patience } from './patience.js';

/** A request as it came, before its route has looked at it. */
export interface RawCall {
  /** Of the path, still text. */
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body's bytes. */
  readonly payload: Readable;
  /** Name of the caller, where callers have names. */
  readonly subject: string | undefined;
  /** For whatever the request waits for. */
  readonly patience: Patience;
  /** Fields of the answer, also when it is an error. */
  readonly fields: Record<string, string>;
  /** The body as JSON; `{}` without one. */
  json(): Promise<unknown>;
}

/** A request whose parts have been checked. */
export interface Call<Params, Query, Body> extends Omit<RawCall, 'params' | 'query'> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

/** What a route answers; `bytes` and `json` exclude each other. */
export interface Answer {
  readonly status: number;
  readonly bytes?: Buffer | undefined;
  readonly json?: object | undefined;
  /** Runs when it could not be sent: the client has gone. */
  readonly lost?: (() => void) | undefined;
}

/** A documented answer that is no error. */
export interface AnswerSpec {
  readonly description: string;
  readonly json?: z.ZodType | undefined;
  readonly bytes?: boolean | undefined;
  readonly fields?: Readonly<Record<string, z.ZodType>> | undefined;
}

type Shape = Readonly<Record<string, z.ZodType>>;
type Output<S extends Shape> = { readonly [Name in keyof S]: z.output<S[Name]> };

interface RouteSpec<P extends Shape, Q extends Shape, B extends z.ZodType> {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Below the prefix, parameters in braces. */
  readonly path: string;
  readonly operation: string;
  readonly summary: string;
  readonly description?: string;
  readonly params: P;
  readonly query?: Q;
  /** A worker needs it: its permission suffices. */
  readonly asWorker?: boolean;
  /** It asks for new work, of which there is none when the server shuts down. */
  readonly takesNew?: boolean;
  /** Whether the request shows a claim. */
  readonly claim?: boolean;
  /** Schema of a JSON body. */
  readonly body?: B;
  /** The body is bytes of any number and type. */
  readonly bytes?: boolean;
  readonly answers: Readonly<Record<number, AnswerSpec>>;
  /** Beside those that every route may answer. */
  readonly errors: readonly ErrorCode[];
  handle(call: Call<Output<P>, Output<Q>, z.output<B>>): Promise<Answer> | Answer;
}

/** One operation of the API: what is served, and what the OpenAPI document says of it. */
export interface Route extends Omit<RouteSpec<Shape, Shape, z.ZodType>, 'handle'> {
  /** @throws UploadResponseError BAD_REQUEST, and what the route documents */
  run(call: RawCall): Promise<Answer>;
}

/** Types a route by its own schemas. */
export function route<
  P extends Shape,
  Q extends Shape = Record<never, never>,
  B extends z.ZodType = z.ZodUndefined,
>(spec: RouteSpec<P, Q, B>): Route {
  const params = z.object(spec.params);
  const query = z.strictObject(spec.query ?? {});
  return {
    ...spec,
    run: async (call) => {
      const checked = {
        ...call,
        params: check(params, call.params) as Output<P>,
        query: check(query, call.query) as Output<Q>,
        body: (spec.body && check(spec.body, await call.json())) as z.output<B>,
      };
      return spec.handle(checked);
    },
  };
}

function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  );
  throw new UploadResponseError('BAD_REQUEST', problems.join('; '));
}
