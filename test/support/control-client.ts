import assert from 'node:assert/strict';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

/** An answer of the control API, which its OpenAPI document describes: that is checked. */
export interface ControlAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: its schema was checked.
  readonly json: any;
}

export interface ControlRequest {
  readonly json?: unknown;
  readonly bytes?: string | Uint8Array | ReadableStream<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

interface Operation {
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, Documented>>;
}

interface Documented {
  readonly headers?: Readonly<Record<string, { readonly schema: object }>>;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Calls the control API of a server, and compares every answer with the document that it serves. */
export class ControlClient {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  #document: Promise<Document> | undefined;
  #ajv: Ajv2020 | undefined;
  readonly #validators = new Map<object, ValidateFunction>();

  /** `base`: URL of the server without a path. */
  constructor(base: string, headers: Readonly<Record<string, string>> = {}) {
    this.#base = `${base}/_upload_response`;
    this.#headers = headers;
  }

  get document(): Promise<Document> {
    this.#document ??= fetch(`${this.#base}/openapi.json`, { headers: this.#headers }).then(
      (answer) => answer.json() as Promise<Document>,
    );
    return this.#document;
  }

  get(path: string, request?: ControlRequest): Promise<ControlAnswer> {
    return this.call('GET', path, request);
  }

  put(path: string, request?: ControlRequest): Promise<ControlAnswer> {
    return this.call('PUT', path, request);
  }

  post(path: string, request?: ControlRequest): Promise<ControlAnswer> {
    return this.call('POST', path, request);
  }

  delete(path: string, request?: ControlRequest): Promise<ControlAnswer> {
    return this.call('DELETE', path, request);
  }

  /** The JSON of an answer that must be 2xx. */
  // biome-ignore lint/suspicious/noExplicitAny: its schema was checked.
  async ok(method: string, path: string, request?: ControlRequest): Promise<any> {
    const { status, json, bytes } = await this.call(method, path, request);
    assert.ok(status >= 200 && status < 300, `${method} ${path}: ${status} ${bytes}`);
    return json;
  }

  /** Expects an error. */
  async fails(
    method: string,
    path: string,
    status: number,
    code: string,
    request?: ControlRequest,
  ): Promise<ControlAnswer> {
    const answer = await this.call(method, path, request);
    assert.deepEqual([answer.status, answer.json?.error], [status, code], `${answer.bytes}`);
    return answer;
  }

  async call(
    method: string,
    path: string,
    { json, bytes, headers, signal }: ControlRequest = {},
  ): Promise<ControlAnswer> {
    const answer = await fetch(this.#base + path, {
      method,
      headers: {
        ...(json !== undefined && { 'content-type': 'application/json' }),
        ...this.#headers,
        ...headers,
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
      ...(bytes !== undefined && { body: bytes as string, duplex: 'half' }),
      ...(signal && { signal }),
    });
    const body = Buffer.from(await answer.arrayBuffer());
    const type = answer.headers.get('content-type') ?? '';
    const parsed = type.startsWith('application/json') ? JSON.parse(body.toString()) : undefined;
    await this.#check(method, path, answer, type, parsed, body);
    return { status: answer.status, headers: answer.headers, bytes: body, json: parsed };
  }

  async #check(
    method: string,
    path: string,
    answer: Response,
    type: string,
    json: unknown,
    body: Buffer,
  ): Promise<void> {
    const document = await this.document;
    const found = operationOf(document, method, `/_upload_response${path.split('?')[0]}`);
    // Paths that are none are answered by the transport.
    if (!found) return assert.equal(answer.status, 404, `${method} ${path} is not documented`);
    const where = `${method} ${path}: ${answer.status}`;
    const documented = found.responses[String(answer.status)];
    assert.ok(documented, `${where} is not documented: ${body}`);
    if (!documented.content) assert.equal(body.length, 0, `${where} has a body`);
    else {
      const content = documented.content[type.split(';')[0] ?? ''];
      assert.ok(content, `${where}: ${type} is not documented`);
      if (json !== undefined) this.#validate(document, content.schema, json, where);
    }
    for (const [name, { schema }] of Object.entries(documented.headers ?? {})) {
      const text = answer.headers.get(name);
      const value = /^\d+$/.test(text ?? '') ? Number(text) : text;
      this.#validate(document, schema, value, `${where}: ${name}`);
    }
  }

  #validate(document: Document, schema: object, value: unknown, where: string): void {
    let validator = this.#validators.get(schema);
    if (!validator) {
      this.#ajv ??= new Ajv2020({ strict: false, allErrors: true }).addSchema(document, 'api');
      const text = JSON.stringify(schema).replaceAll('"#/', '"api#/');
      validator = this.#ajv.compile(JSON.parse(text) as object);
      this.#validators.set(schema, validator);
    }
    const valid = validator(value);
    assert.ok(valid, `${where}: ${JSON.stringify(validator.errors)} in ${JSON.stringify(value)}`);
  }
}

function operationOf(document: Document, method: string, path: string): Operation | undefined {
  const steps = path.split('/');
  const fits = (template: string) => {
    const parts = template.split('/');
    return (
      parts.length === steps.length &&
      parts.every((part, i) => part.startsWith('{') || part === decodeURIComponent(steps[i] ?? ''))
    );
  };
  for (const [template, operations] of Object.entries(document.paths)) {
    const operation = operations[method.toLowerCase()];
    if (operation && fits(template)) return operation;
  }
  return undefined;
}
