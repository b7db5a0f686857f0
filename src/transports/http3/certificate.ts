import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { UploadResponseError } from '../../errors/index.js';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly passphrase?: string | undefined;
}

export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

/**
 * Certificate chain and private key as the engine wants them: PEM, the key without a passphrase.
 * @throws UploadResponseError INVALID_CONFIG
 */
export function readCertificate(files: CertificateFiles | undefined): Certificate {
  if (!files) {
    throw new UploadResponseError('INVALID_CONFIG', 'transports.http3: there is no certificate');
  }
  const { certFile, keyFile, passphrase } = files;
  try {
    const cert = readFileSync(certFile);
    const pem = readFileSync(keyFile);
    const key = createPrivateKey({ key: pem, ...(passphrase !== undefined && { passphrase }) });
    const certificate = new X509Certificate(cert);
    if (!certificate.checkPrivateKey(key)) {
      throw new Error(`${keyFile} is not the key of ${certFile}`);
    }
    const plain = Buffer.from(key.export({ type: 'pkcs8', format: 'pem' }));
    return { cert, key: plain, expiresAt: Date.parse(certificate.validTo) / 1000 };
  } catch (cause) {
    const detail = `transports.http3: ${(cause as Error).message}`;
    throw new UploadResponseError('INVALID_CONFIG', detail, { cause });
  }
}

/** Tells certificates apart, whatever files they come from. */
export function fingerprintOf({ cert, key }: Omit<Certificate, 'expiresAt'>): string {
  return createHash('sha256').update(cert).update(key).digest('hex');
}
