import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { UploadResponseError } from '../errors/index.js';

/** A unix socket's address holds 108 bytes, the last of them zero. */
export const MAX_SOCKET_PATH_BYTES = 107;

/**
 * Where server and workers meet when nobody says otherwise: `UR_SOCKET`, else `default.sock` in
 * `$XDG_RUNTIME_DIR/upload-response`, else in `<temporary folder>/upload-response-<uid>`.
 */
export function defaultSocketPath(env: NodeJS.ProcessEnv = process.env): string {
  if (env.UR_SOCKET) return env.UR_SOCKET;
  const runtime = env.XDG_RUNTIME_DIR;
  if (runtime && isAbsolute(runtime)) return join(runtime, 'upload-response', 'default.sock');
  return join(tmpdir(), `upload-response-${process.getuid?.() ?? 0}`, 'default.sock');
}

/** Where the server process of this row tells what it knows of its streams, beside the control socket. */
export function factsSocketPath(socket: string, row: number): string {
  return `${socket}.${row}.facts`;
}

/**
 * Makes the folder of a control socket (0700) where it is missing. A folder of a guessable name in
 * a shared place may have been put there by somebody else, so the default one must be our own.
 * @throws UploadResponseError INVALID_SOCKET_PATH, PERMISSION_DENIED
 */
export function prepareSocketFolder(path: string, env: NodeJS.ProcessEnv = process.env): void {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new UploadResponseError(
      'INVALID_SOCKET_PATH',
      `${path} has ${Buffer.byteLength(path)} bytes, ${MAX_SOCKET_PATH_BYTES} are possible`,
    );
  }
  const folder = dirname(path);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new UploadResponseError('INVALID_SOCKET_PATH', (cause as Error).message, { cause });
  }
  if (env.UR_SOCKET || path !== defaultSocketPath(env)) return;
  const found = lstatSync(folder);
  const uid = process.getuid?.();
  if (!found.isDirectory() || (uid !== undefined && found.uid !== uid) || found.mode & 0o022) {
    throw new UploadResponseError(
      'PERMISSION_DENIED',
      `${folder} is not a folder that only this user may write; remove it or set UR_SOCKET`,
    );
  }
}
