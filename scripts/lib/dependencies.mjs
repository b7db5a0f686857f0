import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './files.mjs';
import { run, runOrThrow } from './process.mjs';

function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether node_modules of a folder holds exactly what the lockfile there names; npm keeps its own list. */
export function dependenciesAreInstalled(folder = '.') {
  const wanted = packagesOf(join(folder, 'package-lock.json'));
  const installed = packagesOf(join(folder, 'node_modules/.package-lock.json'));
  if (!installed) return false;
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    if (path === '') return true;
    const found = installed[path];
    return found ? found.version === version && found.integrity === integrity : optional === true;
  });
}

/** Installs node_modules as the lockfile says, if it does not hold that already. */
export async function installDependencies() {
  if (dependenciesAreInstalled()) return 'up to date';
  // No package that is used here needs its install script, and this one's would build the addon.
  // Not 'npm ci': @currentspace/http3 names optional packages that no registry has, and 'ci' wants them
  // in the lockfile. With the lockfile 'install' takes the same versions.
  const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
  args.push('--loglevel=error');
  await runOrThrow('npm', args, { timeoutSeconds: 900 });
  return undefined;
}

/** Installs the programs of bench/peers, which the benchmarks measure beside the server. Where that cannot
 *  be done their rows say so, so this never throws: it says why. */
export async function installPeers() {
  const folder = 'bench/peers';
  if (dependenciesAreInstalled(folder)) return 'up to date';
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { ok, output } = await run('npm', args, { cwd: join(root, folder), timeoutSeconds: 300 });
  return ok ? undefined : `not installed: ${output.trim().split('\n')[0] ?? ''}`;
}
