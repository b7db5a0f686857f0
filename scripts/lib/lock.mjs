import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './files.mjs';

const folder = join(root, 'out', 'bootstrap.lock');
const owner = join(folder, 'pid');

function ownerLives() {
  try {
    process.kill(Number(readFileSync(owner, 'utf8')), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Runs `action` while no other bootstrap of this folder runs: two npm ci would wreck each other. */
export async function alone(action) {
  mkdirSync(join(root, 'out'), { recursive: true });
  for (let unowned = 0; ; ) {
    try {
      mkdirSync(folder);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    // The owner may stand between making the folder and writing its number into it.
    unowned = ownerLives() ? 0 : unowned + 1;
    if (unowned > 3) rmSync(folder, { recursive: true, force: true });
    await sleep(250);
  }
  writeFileSync(owner, String(process.pid));
  try {
    return await action();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
