import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { defaultSocketPath, prepareSocketFolder } from '../../../src/ring/socket-path.js';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'ur-path-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe('the socket path', () => {
  it('is what UR_SOCKET says, else in the runtime folder, else in the temporary one', () => {
    assert.equal(defaultSocketPath({ UR_SOCKET: '/a/b', XDG_RUNTIME_DIR: '/run/me' }), '/a/b');
    assert.equal(
      defaultSocketPath({ XDG_RUNTIME_DIR: '/run/me' }),
      '/run/me/upload-response/default.sock',
    );
    for (const env of [{}, { XDG_RUNTIME_DIR: 'relative' }, { XDG_RUNTIME_DIR: '' }]) {
      assert.equal(dirname(dirname(defaultSocketPath(env))), tmpdir());
    }
  });

  it('has a folder for one user', (t) => {
    const env = { XDG_RUNTIME_DIR: folder(t) };
    const path = defaultSocketPath(env);
    prepareSocketFolder(path, env);
    prepareSocketFolder(path, env);
    assert.equal(statSync(dirname(path)).mode & 0o777, 0o700);
    chmodSync(dirname(path), 0o777);
    assert.throws(() => prepareSocketFolder(path, env), { code: 'PERMISSION_DENIED' });
  });

  it('is not followed to where somebody else wants it', (t) => {
    const env = { XDG_RUNTIME_DIR: folder(t) };
    symlinkSync(folder(t), join(env.XDG_RUNTIME_DIR, 'upload-response'));
    assert.throws(() => prepareSocketFolder(defaultSocketPath(env), env), {
      code: 'PERMISSION_DENIED',
    });
  });

  it('fits into a socket address', () => {
    assert.throws(() => prepareSocketFolder(`/${'x'.repeat(107)}`, {}), {
      code: 'INVALID_SOCKET_PATH',
    });
  });
});
