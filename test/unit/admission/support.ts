import { type AuthConfig, authConfigSchema } from '../../../src/admission/config.js';
import type { Caller } from '../../../src/admission/index.js';
import type { UploadResponseError } from '../../../src/errors/index.js';

/** A valid `auth` section. */
export function auth(config: Parameters<typeof authConfigSchema.parse>[0] = {}): AuthConfig {
  return authConfigSchema.parse(config);
}

/** Somebody who uploads, with whatever is given. */
export function caller(more: Partial<Caller> = {}): Caller {
  return {
    transport: 'http1',
    peer: '192.0.2.1',
    method: 'PUT',
    path: '/upload/a',
    query: '',
    ...more,
  };
}

export const bearer = (token: string): Caller => caller({ authorization: `Bearer ${token}` });

/** The code of the error that this throws or rejects with. */
export async function codeOf(what: () => unknown): Promise<string> {
  try {
    await what();
  } catch (error) {
    return (error as UploadResponseError).code;
  }
  return 'none';
}
