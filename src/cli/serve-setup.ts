import type { Config, LoadedConfig } from '../config/index.js';
import type { FlagOverride } from '../config/overrides.js';
import { defaultSocketPath } from '../ring/socket-path.js';
import type { ReloadSource } from '../server.js';
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

/** The options of `serve` that say where its configuration comes from. */
export interface ConfigOptions {
  readonly config?: string;
  readonly dev?: boolean;
}

/** Time from the order to stop until what still runs is cut. */
export function drainDeadlineMs({ announceMs, drainTimeoutMs }: Config['shutdown']): number {
  return announceMs + drainTimeoutMs;
}

/** Loads the configuration of `serve`, with what `--dev` puts in place of the defaults.
 *  @throws ConfigError */
export async function loadServeConfig(
  options: ConfigOptions,
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

/** The same again, for a server that runs with `running`. @throws ConfigError */
export async function reloadServeConfig(
  options: ConfigOptions,
  flags: readonly FlagOverride[],
  running: ServeConfig,
): Promise<ReloadSource & { readonly config: ServeConfig }> {
  const { loadConfig } = await import('../config/index.js');
  const presets = options.dev ? { presets: (await devPresets()).presets } : {};
  const loaded = loadConfig({ file: options.config, flags, ...presets });
  const config = options.dev ? keepPorts(loaded, running) : loaded.config;
  return { config: withSocket(config), places: await placesOf(loaded) };
}

/** `--dev` has replaced those that were taken; now they are taken by the server itself. */
function keepPorts({ config, isSet }: LoadedConfig<Config>, running: ServeConfig): Config {
  const { http } = config;
  const port = isSet('http.port') ? http.port : running.http.port;
  if (!http.tls || !running.http.tls) return { ...config, http: { ...http, port } };
  const tlsPort = isSet('http.tls.port') ? http.tls.port : running.http.tls.port;
  return { ...config, http: { ...http, port, tls: { ...http.tls, port: tlsPort } } };
}

/** Where each key and section was written. */
async function placesOf(loaded: LoadedConfig<Config>): Promise<Record<string, string>> {
  const { originText } = await import('../config/index.js');
  const places: Record<string, string> = {};
  const visit = (value: unknown, path: readonly string[]): void => {
    const key = path.join('.');
    const origin = loaded.originOf(key);
    if (key !== '' && origin.kind !== 'default') places[key] = originText(origin);
    if (typeof value !== 'object' || value === null) return;
    for (const [name, inner] of Object.entries(value)) visit(inner, [...path, name]);
  };
  visit(loaded.config, []);
  return places;
}

function withSocket(config: Config): ServeConfig {
  const socket = config.segment.socket ?? defaultSocketPath();
  return { ...config, segment: { ...config.segment, socket } };
}
