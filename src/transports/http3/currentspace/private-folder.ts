import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs `action` while the process's folder for temporary files is a new one that only this user can
 *  enter; it and what was left in it is gone afterwards. `action` must be synchronous. */
export function inPrivateFolder<T>(action: () => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'upload-response-'));
  const before = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  try {
    return action();
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmSync(folder, { recursive: true, force: true });
  }
}
