import assert from 'node:assert/strict';
import { createToken } from '../../src/admission/index.js';
import type { TestServerOptions } from '../support/test-server.js';
import { until, within } from '../support/until.js';
import type { Scenario, TransportClient, Upload } from './client.js';
import { errorOf, post } from './tools.js';

type Server = Parameters<Scenario['run']>[1];

const [uploader, single, reader] = [createToken(), createToken(), createToken()];

export const ADMISSION: TestServerOptions = {
  auth: {
    tokens: [
      {
        name: 'uploader',
        hash: uploader.hash,
        permissions: [
          { action: 'publish', path: '/upload/head' },
          { action: 'publish', path: '/upload/hash' },
        ],
        maxBodyBytes: 100_000,
      },
      { name: 'single', hash: single.hash, maxStreams: 1 },
      { name: 'reader', hash: reader.hash, permissions: [{ action: 'read' }] },
    ],
    trustedProxies: ['127.0.0.1'],
  },
  limits: { maxStreamsPerPeer: 2 },
};

const bearer = ({ token }: { readonly token: string }) => ({ authorization: `Bearer ${token}` });

async function refusal(client: TransportClient, server: Server, path: string, headers = {}) {
  const answer = await post(client, server, { path, headers }, '');
  return `${answer.status} ${(await errorOf(answer)).error}`;
}

/** An upload of which the worker has seen the beginning. */
async function begin(client: TransportClient, server: Server, headers: object): Promise<Upload> {
  const upload = client.open(server, { path: '/upload/overlap', headers: { ...headers } });
  await upload.write('x');
  assert.equal((await within(upload.answer, 'the head')).status, 200);
  return upload;
}

async function finish(upload: Upload): Promise<void> {
  upload.end();
  assert.match(await within((await upload.answer).text(), 'the answer'), /^(first\n)?1 /);
}

/** What every transport does before it lets a request in. */
export const admission: readonly Scenario[] = [
  {
    name: 'the right token lets in, and the worker does not see it',
    async run(client, server) {
      const headers = { ...bearer(uploader), 'x-other': 'seen' };
      const answer = await post(client, server, { path: '/upload/head', headers }, 'body');
      assert.equal(answer.status, 200);
      const fields = new Map(JSON.parse(await answer.text()) as [string, string][]);
      assert.deepEqual([fields.get('x-other'), fields.has('authorization')], ['seen', false]);
    },
  },
  {
    name: 'no or wrong credentials: 401, another path or action: 403',
    async run(client, server) {
      const ask = (path: string, headers = {}) => refusal(client, server, path, headers);
      const wrong = { authorization: 'Bearer wrong' };
      assert.equal(await ask('/upload/hash'), '401 UNAUTHENTICATED');
      assert.equal(await ask('/upload/hash', wrong), '401 INVALID_CREDENTIALS');
      assert.equal(await ask('/upload/hash?token=wrong'), '401 INVALID_CREDENTIALS');
      assert.equal(await ask('/upload/echo', bearer(uploader)), '403 FORBIDDEN');
      assert.equal(await ask('/upload/hash', bearer(reader)), '403 FORBIDDEN');
    },
  },
  {
    name: "a token's own largest body: 413",
    async run(client, server) {
      const headers = bearer(uploader);
      const upload = client.open(server, { path: '/upload/hash', headers });
      await upload.write(Buffer.alloc(100_001)).catch(() => {});
      const answer = await within(upload.answer, 'the answer');
      assert.equal(`${answer.status} ${(await errorOf(answer)).error}`, '413 BODY_TOO_LARGE');
      upload.abort();
    },
  },
  {
    name: 'streams of one token at once: 429',
    async run(client, server) {
      const headers = bearer(single);
      const first = await begin(client, server, headers);
      assert.equal(await refusal(client, server, '/upload/hash', headers), '429 TOO_MANY_STREAMS');
      await finish(first);
      await server.free();
      const answer = await post(client, server, { path: '/upload/hash', headers }, 'x');
      assert.equal(answer.status, 200);
    },
  },
  {
    name: 'streams of one peer at once, as a trusted proxy names it: 429',
    async run(client, server) {
      const from = (address: string) => ({ ...bearer(uploader), 'x-forwarded-for': address });
      const upload = (address: string) =>
        client.open(server, { path: '/upload/hash', headers: from(address) });
      const held = ['198.51.100.1', '198.51.100.1', '198.51.100.2'].map(upload);
      for (const one of held) await one.write('x');
      await until(() => server.server.ingress.active === held.length, 'the streams');
      const more = await refusal(client, server, '/upload/hash', from('198.51.100.1'));
      assert.equal(more, '429 TOO_MANY_STREAMS');
      for (const one of held) one.end();
      for (const one of held) assert.equal((await within(one.answer, 'an answer')).status, 200);
    },
  },
];
