import type { Config } from '../config/index.js';
import type { FlagOverride } from '../config/overrides.js';
import { defaultSocketPath } from '../ring/socket-path.js';
import type { DevCertificate } from './dev-certificate.js';
import { demoWorker, devPresets, freePorts, type MovedPort } from './dev-mode.js';

/** A configuration with everything decided. */
export type ServeConfig = Config & { readonly segment: { readonly socket: string } };

/** What `serve` is going to do. */
export interface ServeSetup {
  readonly config: ServeConfig;
  /** The configuration file, if there is one. */
  readonly file: string | undefined;
  /** `--dev`: ports that were taken. */
  readonly moved: readonly MovedPort[];
  readonly certificate: DevCertificate | undefined;
  /** `--dev`: the example worker's module. */
  readonly demo: string | undefined;
}

/** Loads the configuration of `serve`, with what `--dev` puts in place of the defaults.
 *  @throws ConfigError */
export async function loadServeConfig(
  options: { readonly config?: string; readonly dev?: boolean },
  flags: readonly FlagOverride[],
): Promise<ServeSetup> {
  const { loadConfig } = await import('../config/index.js');
  const source = { file: options.config, flags };
  if (!options.dev) {
    const loaded = loadConfig(source);
    return {
      config: withSocket(loaded.config),
      file: loaded.file,
      moved: [],
      certificate: undefined,
      demo: undefined,
    };
  }
  const { presets, certificate } = await devPresets();
  const loaded = loadConfig({ ...source, presets });
  const { config, moved } = await freePorts(loaded);
  const own = config.http.tls?.certFile === certificate.certFile;
  return {
    config: withSocket(config),
    file: loaded.file,
    moved,
    certificate: own ? certificate : undefined,
    demo: demoWorker(),
  };
}

function withSocket(config: Config): ServeConfig {
  const socket = config.segment.socket ?? defaultSocketPath();
  return { ...config, segment: { ...config.segment, socket } };
}
