import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

const LIFE_DAYS = 365;
/** A certificate with less left than this is made anew. */
const RENEW_DAYS = 14;
const DAY_MS = 86_400_000;

export interface DevCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly expires: Date;
  /** False when the one of an earlier start was still good. */
  readonly created: boolean;
}

/** The folder for what can be made again: `$XDG_CACHE_HOME/upload-response` or below the home. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const cache = env.XDG_CACHE_HOME;
  return join(cache && isAbsolute(cache) ? cache : join(homedir(), '.cache'), 'upload-response');
}

/** A certificate for localhost, 127.0.0.1 and ::1, kept from start to start so that a browser or a
 *  `--cacert` that trusts it once goes on doing so. */
export async function devCertificate(
  folder: string = cacheFolder(),
  now: Date = new Date(),
): Promise<DevCertificate> {
  const certFile = join(folder, 'dev-cert.pem');
  const keyFile = join(folder, 'dev-key.pem');
  const kept = readExpiry(certFile, keyFile);
  if (kept && kept.getTime() - now.getTime() > RENEW_DAYS * DAY_MS) {
    chmodSync(keyFile, 0o600);
    return { certFile, keyFile, expires: kept, created: false };
  }
  const expires = new Date(now.getTime() + LIFE_DAYS * DAY_MS);
  const { generate } = await import('selfsigned');
  const pems = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    // A clock that is a little behind must not see a certificate of the future.
    notBeforeDate: new Date(now.getTime() - DAY_MS),
    notAfterDate: expires,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  replace(keyFile, pems.private, 0o600);
  replace(certFile, pems.cert, 0o644);
  return { certFile, keyFile, expires, created: true };
}

/** When the kept pair expires; undefined if there is none or it does not belong together. */
function readExpiry(certFile: string, keyFile: string): Date | undefined {
  try {
    const certificate = new X509Certificate(readFileSync(certFile));
    const key = createPrivateKey(readFileSync(keyFile));
    if (!certificate.checkPrivateKey(key)) return undefined;
    return new Date(certificate.validTo);
  } catch {
    return undefined;
  }
}

function replace(file: string, text: string, mode: number): void {
  const fresh = `${file}.${process.pid}`;
  try {
    writeFileSync(fresh, text, { mode, flag: 'wx' });
    renameSync(fresh, file);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}
