import { fileURLToPath } from 'node:url';
import type { Language } from './program.js';

const file = (name: string) => fileURLToPath(new URL(`./programs/${name}`, import.meta.url));

/** The SDKs that the suite runs for, and their programs. */
export const LANGUAGES: readonly Language[] = [
  { name: 'node', command: [process.execPath, file('node/worker.mjs')] },
];
