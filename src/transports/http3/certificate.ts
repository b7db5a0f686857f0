import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { UploadResponseError } from '../../errors/index.js';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly passphrase?: string | undefined;
}

/**
 * Certificate chain and private key as the engine wants them: PEM, the key without a passphrase.
 * @throws UploadResponseError INVALID_CONFIG
 */
export function readCertificate(files: CertificateFiles | undefined): {
  cert: Buffer;
  key: Buffer;
} {
  if (!files) {
    throw new UploadResponseError('INVALID_CONFIG', 'transports.http3: there is no certificate');
  }
  const { certFile, keyFile, passphrase } = files;
  try {
    const cert = readFileSync(certFile);
    const pem = readFileSync(keyFile);
    const key = createPrivateKey({ key: pem, ...(passphrase !== undefined && { passphrase }) });
    if (!new X509Certificate(cert).checkPrivateKey(key)) {
      throw new Error(`${keyFile} is not the key of ${certFile}`);
    }
    return { cert, key: Buffer.from(key.export({ type: 'pkcs8', format: 'pem' })) };
  } catch (cause) {
    const detail = `transports.http3: ${(cause as Error).message}`;
    throw new UploadResponseError('INVALID_CONFIG', detail, { cause });
  }
}
