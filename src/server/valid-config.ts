import type { z } from 'zod';
import { type Config, configSchema } from '../config/schema.js';
import { UploadResponseError } from '../errors/index.js';

/** What `createServer` takes: every key has a default. */
export type ServerConfig = z.input<typeof configSchema>;

/** The whole configuration. @throws UploadResponseError INVALID_CONFIG, with every key that is wrong */
export function validConfig(config: ServerConfig): Config {
  const parsed = configSchema.safeParse(config);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'configuration'}: ${message}`,
  );
  throw new UploadResponseError('INVALID_CONFIG', problems.join('; '));
}
