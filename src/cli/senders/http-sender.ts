import { Agent, request } from 'undici';
import { explain } from './explain.js';
import type { Answer, SendOptions } from './sender.js';
import { readCertificate } from './source.js';

/** Connections of HTTP. The server has time-outs for every phase; a second set here would only cut long
 *  uploads. */
export function httpAgent({ insecure, caFile }: Pick<SendOptions, 'insecure' | 'caFile'>): Agent {
  return new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: 10_000,
      rejectUnauthorized: !insecure,
      ...(caFile === undefined ? {} : { ca: readCertificate(caFile) }),
    },
  });
}

/** By HTTP/1.1, plain or with TLS. */
export async function sendByHttp(options: SendOptions): Promise<Answer> {
  const { url, method, signal } = options;
  const { body, size } = options.source;
  const agent = httpAgent(options);
  body.on('data', (chunk: Buffer) => options.onSent(chunk.length));
  body.pause();
  const headers = Object.fromEntries(groupHeaders(options.headers));
  if (size !== undefined) headers['content-length'] = String(size);
  try {
    const answer = await request(url, {
      method: method as 'PUT',
      headers,
      body: size === 0 ? Buffer.alloc(0) : body,
      dispatcher: agent,
      signal,
    });
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: answer.body as AsyncIterable<Buffer>,
      close: async () => {
        body.destroy();
        await agent.destroy();
      },
    };
  } catch (error) {
    body.destroy();
    await agent.destroy();
    throw explain(error, url, signal);
  }
}

function groupHeaders(
  headers: readonly (readonly [string, string])[],
): Map<string, string | string[]> {
  const grouped = new Map<string, string | string[]>();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const before = grouped.get(key);
    grouped.set(key, before === undefined ? value : [before, value].flat());
  }
  return grouped;
}
