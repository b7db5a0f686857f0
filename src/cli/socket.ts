import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { readYamlFile } from '../config/yaml-file.js';
import { defaultSocketPath } from '../ring/socket-path.js';

/** `DEFAULT_FILE` of the configuration, without loading every transport to learn it. */
const CONFIG_FILE = 'upload-response.yaml';

/**
 * The control socket for a command that talks to a running server: the one that was named, else what
 * a server that is started in the same place would use.
 */
export function socketPath(
  options: { readonly socket?: string | undefined },
  env: NodeJS.ProcessEnv = process.env,
  cwd: string = process.cwd(),
): string {
  const named = options.socket ?? env.UR_SEGMENT_SOCKET ?? env.UR_SOCKET;
  return named ? resolve(cwd, named) : (fromFile(env, cwd) ?? defaultSocketPath(env));
}

function fromFile(env: NodeJS.ProcessEnv, cwd: string): string | undefined {
  const file = resolve(cwd, env.UR_CONFIG || CONFIG_FILE);
  if (!existsSync(file)) return undefined;
  const { value } = readYamlFile(file, file);
  const socket = (value as { segment?: { socket?: unknown } | null }).segment?.socket;
  return typeof socket === 'string' ? resolve(dirname(file), socket) : undefined;
}
