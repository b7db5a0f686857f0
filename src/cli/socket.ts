import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CONFIG_FILE } from '../config/file-name.js';
import { defaultSocketPath } from '../ring/socket-path.js';

/**
 * The control socket for a command that talks to a running server: the one that was named, else what
 * a server that is started in the same place would use.
 */
export async function socketPath(
  options: { readonly socket?: string | undefined },
  env: NodeJS.ProcessEnv = process.env,
  cwd: string = process.cwd(),
): Promise<string> {
  const named = options.socket ?? env.UR_SEGMENT_SOCKET ?? env.UR_SOCKET;
  return named ? resolve(cwd, named) : ((await fromFile(env, cwd)) ?? defaultSocketPath(env));
}

async function fromFile(env: NodeJS.ProcessEnv, cwd: string): Promise<string | undefined> {
  const file = resolve(cwd, env.UR_CONFIG || CONFIG_FILE);
  if (!existsSync(file)) return undefined;
  // Loaded only where there is a file: most commands have none to read.
  const { readYamlFile } = await import('../config/yaml-file.js');
  const { value } = readYamlFile(file, file);
  const socket = (value as { segment?: { socket?: unknown } | null }).segment?.socket;
  return typeof socket === 'string' ? resolve(dirname(file), socket) : undefined;
}
