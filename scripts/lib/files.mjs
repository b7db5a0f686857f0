import { readdirSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's or the installed package's folder, without a slash at its end. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '');

/** The files below a folder of the repository whose path passes the test, without installed packages; none
 *  if it is missing. */
export function filesBelow(folder, accepts = () => true) {
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true, recursive: true });
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .map((path) => path.split(sep).join('/'))
    .filter((path) => !path.includes('/node_modules/') && accepts(path))
    .sort();
}

/** When a file was last changed, in milliseconds; 0 if it is missing. */
export function changedAt(path) {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** When a file of the system came to where it is, in milliseconds; 0 if it is missing. */
export function installedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0;
}

/** Whether a product exists and is at least as new as everything that it is made from. */
export function isCurrent(product, sources) {
  const made = changedAt(product);
  return made > 0 && sources.every((path) => changedAt(path) <= made);
}

/** The sources of native code that is shipped; those of the addon are all but those of `capi`. */
export function nativeSources() {
  return filesBelow('native', (path) => !/^native\/(test|fuzz)\//.test(path));
}
