import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '../../support/control-client.js';
import { within } from '../../support/until.js';
import { noise, Remote } from './remote.js';

const bounded = { timeout: 240_000 };
const script = fileURLToPath(new URL('./fleet-member.ts', import.meta.url));

interface Member {
  readonly api: ControlClient;
  upload(body: Uint8Array): Promise<Response>;
  kill(): Promise<void>;
}

/** Server processes of one segment, one after the other. */
function fleet(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'ur-fleet-'));
  const children: ChildProcess[] = [];
  const kill = async (child: ChildProcess) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  t.after(async () => {
    for (const child of children) await kill(child);
    rmSync(folder, { recursive: true, force: true });
  });
  return async (): Promise<Member> => {
    const args = [join(folder, 'control.sock'), String(children.length > 0)];
    const child = fork(script, args, { execArgv: ['--import', 'tsx'] });
    children.push(child);
    const [{ port }] = (await within(once(child, 'message'), 'a server')) as [{ port: number }];
    const url = `http://127.0.0.1:${port}`;
    return {
      api: new ControlClient(url),
      upload: (body) => fetch(`${url}/upload`, { method: 'PUT', body: body as unknown as string }),
      kill: () => kill(child),
    };
  };
}

test('a remote worker of one process takes what another one has received', bounded, async (t) => {
  const start = fleet(t);
  const first = await start();
  const second = await start();
  const remote = await Remote.register(second.api, 'w');
  // To the other process it is a worker like any other.
  await first.api.fails('GET', '/workers/w', 404, 'UNKNOWN_REMOTE_WORKER');
  await first.api.fails('PUT', '/streams/65536/readers/w', 404, 'UNKNOWN_REMOTE_WORKER');
  const { row } = await second.api.ok('GET', '/workers/w');
  const seen = await first.api.ok('GET', `/workers/${row}`);
  assert.deepEqual([seen.id, seen.name, seen.remote], [String(row), 'w', null]);
  const body = noise(1_000_000);
  const round = async (at: Member, looking?: ControlClient) => {
    const uploading = at.upload(body.bytes);
    const { stream, token } = (await second.api.post('/workers/w/take?wait=20000')).json;
    // Who only looks may do so in any process.
    const picture = await looking?.ok('GET', `/streams/${stream}`);
    if (picture) assert.equal(picture.request.method, 'PUT');
    await remote.answer(stream, token, (await remote.hash(stream)).sha256);
    assert.equal(await (await uploading).text(), body.sha256);
  };
  await round(first, second.api);
  await round(second, first.api);
  // The arbiter's death costs the remote worker nothing.
  await first.kill();
  await round(second);
  assert.equal((await second.api.ok('GET', '/workers/w')).row, row);
});

test(
  'with its process a remote worker dies, and its work goes on elsewhere',
  bounded,
  async (t) => {
    const start = fleet(t);
    const first = await start();
    const second = await start();
    await Remote.register(second.api, 'lost');
    const other = await Remote.register(first.api, 'other');
    const body = noise(100_000);
    const uploading = first.upload(body.bytes);
    const { stream } = (await second.api.post('/workers/lost/take?wait=20000')).json;
    await second.kill();
    const again = (await first.api.post('/workers/other/take?wait=20000')).json;
    assert.equal(again.stream, stream);
    await other.answer(stream, again.token, (await other.hash(stream)).sha256);
    assert.equal(await (await uploading).text(), body.sha256);
  },
);
