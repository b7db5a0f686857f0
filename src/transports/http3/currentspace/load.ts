import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { UploadResponseError } from '../../../errors/index.js';
import type { NativeHttp3 } from './native-api.js';

const PACKAGE = '@currentspace/http3';
/** What is used of it is not what it promises to keep: another version needs another look. */
const VERSION = '0.9.0';

const require = createRequire(import.meta.url);

let loaded: NativeHttp3 | undefined;

/** The engine's package and version, as npm takes them. */
export const ENGINE_NAME = `${PACKAGE}@${VERSION}`;

/** Loads the engine's native interface once. @throws UploadResponseError QUIC_UNAVAILABLE */
export function loadNativeHttp3(): NativeHttp3 {
  loaded ??= load();
  return loaded;
}

function load(): NativeHttp3 {
  const folder = packageFolder();
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  if (version !== VERSION) {
    throw new UploadResponseError('QUIC_UNAVAILABLE', `${PACKAGE} is ${version}, not ${VERSION}`);
  }
  try {
    return require(join(folder, 'index.js')) as NativeHttp3;
  } catch (cause) {
    const [reason = ''] = (cause as Error).message.split('\n');
    const where = `${process.platform}-${process.arch}`;
    const detail = `the binary of ${ENGINE_NAME} does not load on ${where}: ${reason}`;
    throw new UploadResponseError('QUIC_UNAVAILABLE', detail, { cause });
  }
}

function packageFolder(): string {
  try {
    // Its entry is dist/index.js; index.js beside it loads the binary and nothing else.
    return join(dirname(require.resolve(PACKAGE)), '..');
  } catch (cause) {
    const detail = `${PACKAGE} is not installed`;
    throw new UploadResponseError('QUIC_UNAVAILABLE', detail, { cause });
  }
}
