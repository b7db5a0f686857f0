import assert from 'node:assert/strict';
import { UploadResponseError } from '../../../src/errors/index.js';

const factor = Number(process.env.FUZZ_FACTOR ?? 1);

/** How often a property is tried; `FUZZ_FACTOR` multiplies it. fast-check prints the seed of a failure. */
export const runs = (count: number) => ({ numRuns: Math.max(1, Math.round(count * factor)) });

/** What `read` returns, or undefined where it refuses with one of these codes. All else is a mistake. */
export function attempt<T>(codes: readonly string[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof UploadResponseError, String((error as Error).stack));
    assert.ok(codes.includes(error.code), error.code);
    return undefined;
  }
}
