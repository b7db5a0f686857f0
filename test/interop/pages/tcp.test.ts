import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { createToken } from '../../../src/admission/index.js';
import type { SrtBody } from '../../support/srt.js';
import { pageOf, testLines } from './page.js';
import { PageServer } from './page-server.js';

const page = pageOf('tcp.md');
const { token, hash } = createToken();
let open: PageServer;
let guarded: PageServer;

before(async () => {
  const [yaml = ''] = page.blocks('yaml');
  const start = (text: string) =>
    PageServer.start({
      yaml: text,
      ports: { 9700: 'tcp tcp', 9701: 'tcp tls' },
      worker: 'bytes',
      files: { 'upload.bin': randomBytes(1_000_001) },
    });
  open = await start(yaml);
  const always = yaml.replace('enabled: true\n', 'enabled: true\n    tokenLine: always\n');
  const auth = `auth:\n  tokens: [{ name: sender, hash: '${hash}' }]\n`;
  guarded = await start(always + auth);
});
after(async () => {
  await open?.stop();
  await guarded?.stop();
});

async function upload(command: string, { answers = true } = {}): Promise<void> {
  const server = command.includes('UPLOAD_TOKEN') ? guarded : open;
  const from = server.reports.length;
  const { code, stdout, stderr } = await server.shell(command, { env: { UPLOAD_TOKEN: token } });
  assert.equal(code, 0, stderr);
  const body = await server.report<SrtBody>('body', from);
  const sha256 = createHash('sha256')
    .update(readFileSync(server.file('upload.bin')))
    .digest('hex');
  assert.equal(body.sha256, sha256);
  if (answers) assert.equal(JSON.parse(stdout).sha256, sha256);
}

testLines(page, [
  { match: /^nc -N/, program: 'nc', run: upload },
  { match: /^socat/, program: 'socat', run: upload },
  { match: /^upload-response send/, program: 'bash', run: upload },
  {
    match: /^gst-launch/,
    program: 'gst-launch-1.0',
    run: (command) => upload(command, { answers: false }),
  },
  {
    match: /^\(printf/,
    program: 'nc',
    run: async (command) => {
      await upload(command);
      const { stdout } = await guarded.shell(command, { env: { UPLOAD_TOKEN: 'wrong' } });
      assert.match(stdout, /^ERROR 401 INVALID_CREDENTIALS/);
    },
  },
]);
