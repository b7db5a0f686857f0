import { UploadResponseError } from '../errors/index.js';

/**
 * Waits for a listener. Rejects with LISTEN_FAILED where the system refused the address, which `section` of
 * the configuration has; with everything else as it is.
 */
export async function listening<Bound>(section: string, bound: Bound): Promise<Awaited<Bound>> {
  try {
    return await bound;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (cause instanceof UploadResponseError || !code || !SYSTEM_CODE.test(code)) throw cause;
    throw new UploadResponseError('LISTEN_FAILED', `${section}: ${message}`, { cause });
  }
}

/** EADDRINUSE, EACCES, ENOTFOUND; not ERR_SOCKET_BAD_PORT. */
const SYSTEM_CODE = /^E(?!RR_)[A-Z0-9_]+$/;
