import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './files.mjs';
import { runOrThrow } from './process.mjs';

function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether node_modules holds exactly what the lockfile names; npm keeps its own list there. */
export function dependenciesAreInstalled() {
  const wanted = packagesOf('package-lock.json');
  const installed = packagesOf('node_modules/.package-lock.json');
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
