import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's folder: the nearest one above this file that holds its package.json. */
export const packageFolder: string = findFolder();

/** The package's version. */
export const packageVersion: string = (
  JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string }
).version;

/** What a person types to run this command line: its name, or in a clone the path of its script. */
export function commandName(script: string = process.argv[1] ?? ''): string {
  if (basename(script) !== 'main.js') return 'upload-response';
  return `node ${relative(process.cwd(), script)}`;
}

function findFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}
