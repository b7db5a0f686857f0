import { type ConfigKey, listKeys } from './keys.js';
import { type LoadedConfig, type LoadOptions, load } from './load.js';
import { exampleYaml, keysTable } from './reference.js';
import { listReloadable, type ReloadableKey, reloadTable } from './reload.js';
import { type Config, configSchema } from './schema.js';
import { describeSchema, type SchemaNode, variant } from './schema-node.js';

export type { ConfigKey } from './keys.js';
export type { LoadedConfig, LoadOptions } from './load.js';
export { type FlagOverride, OTHER_VARIABLES } from './overrides.js';
export { ConfigError, type ConfigProblem, type Origin, originText } from './problems.js';
export type { ReloadableKey } from './reload.js';
export { type Config, configSchema } from './schema.js';
export type { SegmentConfig } from './segment-schema.js';

/** Reads the configuration: flag over environment over file over default.
 *  @throws ConfigError with every problem that there is */
export function loadConfig(options?: LoadOptions): LoadedConfig<Config> {
  return load(configSchema, options);
}

/** The configuration without its secrets, to be shown. */
export function redact(config: Config): Config {
  return hideSecrets(config, describeSchema(configSchema)) as Config;
}

/** The commented configuration file with nothing but defaults. */
export function configExample(): string {
  return exampleYaml(describeSchema(configSchema));
}

/** The keys as a Markdown table. */
export function configTable(): string {
  return keysTable(configKeys());
}

function hideSecrets(value: unknown, node: SchemaNode): unknown {
  if (node.secret && value !== undefined) return '***';
  if (Array.isArray(value)) {
    const items = variant(node, 'array')?.items ?? {};
    return value.map((one) => hideSecrets(one, items));
  }
  if (typeof value !== 'object' || value === null) return value;
  const properties = variant(node, 'object')?.properties ?? {};
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, hideSecrets(one, properties[key] ?? {})]),
  );
}

/** Every key that there is, with its names, its default and what it accepts. */
export function configKeys(): ConfigKey[] {
  return listKeys(describeSchema(configSchema));
}

/** The keys and sections that can be changed while the server runs. */
export function reloadableKeys(): ReloadableKey[] {
  return listReloadable(describeSchema(configSchema));
}

/** The same as a Markdown table. */
export function reloadableTable(): string {
  return reloadTable(reloadableKeys());
}
