/**
 * A raw TCP connection has no path and no fields, but the workers of the tests do what a path says: the
 * client leaves it in a file that is named after its own address.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a request would have been over HTTP. */
export interface Route {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Workers inherit it. */
const VARIABLE = 'UR_TEST_TCP_ROUTES';

/** Call it before the server sees the first byte of the connection from `address`. */
export function leaveRoute(address: string, route: Route): void {
  writeFileSync(fileOf(prepareRoutes(), address), JSON.stringify(route));
}

/** The route of a connection; undefined where nobody has left one. */
export function routeOf(address: string): Route | undefined {
  const folder = process.env[VARIABLE];
  if (folder === undefined) return undefined;
  try {
    return JSON.parse(readFileSync(fileOf(folder, address), 'utf8'));
  } catch {
    return undefined;
  }
}

/** Must be called before workers are started. */
export function prepareRoutes(): string {
  const before = process.env[VARIABLE];
  if (before !== undefined) return before;
  const folder = mkdtempSync(join(tmpdir(), 'ur-tcp-routes-'));
  process.env[VARIABLE] = folder;
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function fileOf(folder: string, address: string): string {
  return join(folder, address.replaceAll(/[^0-9a-f]/g, '-'));
}
