import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { FileWatch } from '../../../src/cli/file-watch.js';
import { until } from '../../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'ur-watch-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let watch: FileWatch | undefined;
afterEach(() => watch?.stop());

let next = 0;
const path = (): string => join(folder, `file-${next++}`);

/** Starts to watch, and counts what it tells. */
async function watching(files: readonly string[], intervalMs = 10) {
  const told = { changes: 0, looks: 0 };
  watch = new FileWatch(
    () => {
      told.looks++;
      return files;
    },
    intervalMs,
    () => told.changes++,
  );
  await watch.start();
  return told;
}

describe('a file watch', () => {
  test('says nothing of files that stay as they are', async () => {
    const [file, missing] = [path(), path()];
    writeFileSync(file, 'a');
    const told = await watching([file, missing]);
    await until(() => told.looks > 5, 'some looks');
    assert.equal(told.changes, 0);
  });

  test('tells of bytes that change, once', async () => {
    const file = path();
    writeFileSync(file, 'a');
    const told = await watching([file]);
    writeFileSync(file, 'b');
    await until(() => told.changes === 1, 'the change');
    const { looks } = told;
    await until(() => told.looks > looks + 5, 'some looks');
    assert.equal(told.changes, 1);
  });

  test('tells of a file that is replaced, that goes, and that comes', async () => {
    const file = path();
    writeFileSync(file, 'a');
    const told = await watching([file]);
    writeFileSync(`${file}.new`, 'a');
    renameSync(`${file}.new`, file);
    await until(() => told.changes === 1, 'another file of the same name');
    rmSync(file);
    await until(() => told.changes === 2, 'no file');
    writeFileSync(file, 'a');
    await until(() => told.changes === 3, 'a file again');
  });

  test('tells of a link that is swapped above the file', async () => {
    const mount = path();
    for (const one of ['one', 'two']) {
      mkdirSync(join(mount, one), { recursive: true });
      writeFileSync(join(mount, one, 'file'), 'same');
    }
    symlinkSync('one', join(mount, 'data'));
    symlinkSync('data/file', join(mount, 'file'));
    const told = await watching([join(mount, 'file')]);
    symlinkSync('two', join(mount, 'next'));
    renameSync(join(mount, 'next'), join(mount, 'data'));
    await until(() => told.changes === 1, 'the swap');
  });

  test('waits until nothing is written any more', async () => {
    const file = path();
    writeFileSync(file, '');
    let looks = 0;
    let changes = 0;
    let early = 0;
    const grow = () => {
      // Just before each of the first looks; the eighth is the first that finds it as it was.
      if (++looks < 8) writeFileSync(file, 'x'.repeat(looks));
      return [file];
    };
    watch = new FileWatch(grow, 10, () => {
      changes++;
      if (looks < 8) early++;
    });
    await watch.start();
    await until(() => changes === 1 && looks >= 8, 'the change');
    assert.equal(early, 0);
  });

  test('is told what to look at by the configuration that is in force', async () => {
    const [one, two] = [path(), path()];
    writeFileSync(one, 'a');
    writeFileSync(two, 'a');
    const files = [one];
    const told = await watching(files);
    files[0] = two;
    await until(() => told.changes === 1, 'another list');
    writeFileSync(two, 'b');
    await until(() => told.changes === 2, 'a change of the other file');
  });

  test('says nothing once it is stopped', async () => {
    const file = path();
    writeFileSync(file, 'a');
    const told = await watching([file]);
    watch?.stop();
    writeFileSync(file, 'b');
    const { looks } = told;
    const other = await watching([file]);
    await until(() => other.looks > 5, "another watch's looks");
    assert.deepEqual([told.changes, told.looks], [0, looks]);
  });
});
