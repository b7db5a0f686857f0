import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { decoded } from '../../support/decoded.js';
import type { SrtBody } from '../../support/srt.js';
import { CLIP_FRAMES, makeClip } from './clip.js';
import { type Line, pageOf, testLines } from './page.js';
import { PageServer } from './page-server.js';

const ports = { 8080: 'http1 http', 8443: 'http1 https' };
const pages = {
  http1: { page: pageOf('http1.md'), ports },
  http2: { page: pageOf('http2.md'), ports: { 8443: 'http1 https', 8081: 'http2 http' } },
};
type Name = keyof typeof pages;
const servers = new Map<Name, PageServer>();

before(async () => {
  for (const [name, { page, ports }] of Object.entries(pages)) {
    const [yaml = ''] = page.blocks('yaml');
    const files = { 'big.bin': randomBytes(3_000_001) };
    const options = { yaml, ports, worker: 'bytes' as const, files };
    const server = await PageServer.start(options);
    servers.set(name as Name, server);
    mkdirSync(server.file('docs'));
    writeFileSync(server.file('docs/page.md'), randomBytes(300_000));
    await makeClip(server.file('clip.mp4'));
  }
});
after(async () => {
  for (const server of servers.values()) await server.stop();
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const linesOf = (name: Name): readonly Line[] => {
  const run = async (command: string) => {
    const server = servers.get(name) as PageServer;
    const from = server.reports.length;
    const { code, stdout, stderr } = await server.shell(command);
    assert.equal(code, 0, stderr);
    return { server, stdout, body: await server.report<SrtBody>('body', from) };
  };
  const answered = async (command: string) => {
    const { server, stdout, body } = await run(command);
    if (command.includes('big.bin')) {
      assert.equal(body.sha256, sha256(readFileSync(server.file('big.bin'))));
    }
    assert.ok(body.size > 300_000);
    assert.equal(JSON.parse(stdout).sha256, body.sha256);
  };
  const http1: Line[] = [
    { match: /^upload-response send/, program: 'bash', run: answered },
    {
      match: /^gst-launch/,
      program: 'gst-launch-1.0',
      run: async (command) => {
        const { server, body } = await run(command);
        assert.equal(body.sha256, sha256(readFileSync(server.file('big.bin'))));
      },
    },
    {
      match: /^ffmpeg/,
      program: 'ffmpeg',
      run: async (command) => {
        const { server, body } = await run(command);
        const frames = await decoded(server.file('clip.mp4'), 'v');
        assert.equal(frames.length, CLIP_FRAMES);
        assert.deepEqual(await decoded(body.file, 'v'), frames);
      },
    },
  ];
  const http2: Line[] = [{ match: /^nghttp /, program: 'nghttp', run: answered }];
  const curl = { match: /^(tar c docs \| )?curl /, program: 'curl', run: answered };
  return [curl, ...(name === 'http1' ? http1 : http2)];
};

for (const name of ['http1', 'http2'] as const) testLines(pages[name].page, linesOf(name));
