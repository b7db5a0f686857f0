import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { count, duration, flagOverrides, takeDottedFlags } from '../../../src/cli/options.js';
import { socketPath } from '../../../src/cli/socket.js';

describe('takeDottedFlags', () => {
  it('takes every spelling of a value and leaves the rest alone', () => {
    const { rest, dotted } = takeDottedFlags([
      'serve',
      '--limits.max-body-bytes',
      '1GB',
      '--port',
      '0',
      '--segment.pools.uploads.streams=4',
      '--http.plain',
      '--json',
      '--',
      '--limits.max-attempts',
      '3',
    ]);
    assert.deepEqual(rest, ['serve', '--port', '0', '--json', '--', '--limits.max-attempts', '3']);
    assert.deepEqual(
      dotted.map(({ key, value }) => [key, value]),
      [
        ['limits.max-body-bytes', '1GB'],
        ['segment.pools.uploads.streams', '4'],
        ['http.plain', 'true'],
      ],
    );
  });

  it('takes a value that begins with one dash', () => {
    assert.equal(takeDottedFlags(['--limits.max-attempts', '-3']).dotted[0]?.value, '-3');
  });
});

describe('flagOverrides', () => {
  it('maps named flags and --set to keys', () => {
    const overrides = flagOverrides(
      { tlsPort: '0', logLevel: 'warn', set: ['limits.maxBodyBytes=1=2', 'log.pretty'] },
      [],
    );
    assert.deepEqual(
      overrides.map(({ key, value, flag }) => [flag, key, value]),
      [
        ['--tls-port', 'http.tls.port', '0'],
        ['--log-level', 'log.level', 'warn'],
        ['--set limits.maxBodyBytes', 'limits.maxBodyBytes', '1=2'],
        ['--set log.pretty', 'log.pretty', 'true'],
      ],
    );
  });
});

describe('values', () => {
  it('counts and durations', () => {
    assert.equal(count(1)('3'), 3);
    for (const text of ['0', '1.5', '', 'x', '-1']) assert.throws(() => count(1)(text));
    assert.equal(duration('1.5s'), 1500);
    for (const text of ['', 'soon', '60d']) assert.throws(() => duration(text));
  });
});

describe('socketPath', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ur-socket-'));
  after(() => rmSync(folder, { recursive: true }));

  it('takes flag, variables, the file and the default, in this order', async () => {
    const env = { XDG_RUNTIME_DIR: '/run/user/7' };
    const path = (given: { socket?: string }, more: NodeJS.ProcessEnv = {}) =>
      socketPath(given, { ...env, ...more }, folder);
    assert.equal(await path({}), '/run/user/7/upload-response/default.sock');
    writeFileSync(join(folder, 'upload-response.yaml'), 'segment:\n  socket: mine.sock\n');
    assert.equal(await path({}), join(folder, 'mine.sock'));
    assert.equal(await path({}, { UR_SOCKET: '/b.sock' }), '/b.sock');
    assert.equal(await path({}, { UR_SOCKET: '/b.sock', UR_SEGMENT_SOCKET: '/c.sock' }), '/c.sock');
    assert.equal(
      await path({ socket: 'd.sock' }, { UR_SOCKET: '/b.sock' }),
      join(folder, 'd.sock'),
    );
  });
});
