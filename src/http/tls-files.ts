import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Server as TcpServer } from 'node:net';
import { createSecureContext, type SecureContextOptions, type Server as TlsServer } from 'node:tls';
import { UploadResponseError } from '../errors/index.js';
import type { HttpConfig } from './config.js';

type TlsConfig = NonNullable<HttpConfig['tls']>;
type Contents = Pick<SecureContextOptions, 'passphrase' | 'minVersion'> & {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
};

/** The certificate, key and client authorities of a TLS listener, read and tried at one moment. */
export class TlsFiles {
  /** Seconds since 1970. */
  readonly expiresAt: number;
  /** The section of the configuration that names them, such as `http.tls`. */
  readonly section: string;
  readonly #config: TlsConfig;
  readonly #contents: Contents;

  /** @throws UploadResponseError INVALID_CONFIG: a file cannot be read or is not what it should be */
  constructor(config: TlsConfig, section: string) {
    this.section = section;
    this.#config = config;
    try {
      this.#contents = read(config);
      this.expiresAt = check(this.#contents, config);
    } catch (cause) {
      const detail = `${section}: ${(cause as Error).message}`;
      throw new UploadResponseError('INVALID_CONFIG', detail, { cause });
    }
  }

  /** What `tls.createServer` takes. Where a client's certificate is optional, one that cannot be verified
   *  is none: see `certificateOf`. */
  get serverOptions() {
    const { clientCertificates } = this.#config;
    return {
      ...this.#contents,
      ...(this.#contents.ca && {
        requestCert: true,
        rejectUnauthorized: clientCertificates === 'required',
      }),
    };
  }

  /** Makes a server use them for handshakes to come; open connections stay as they are. */
  install(server: TcpServer): void {
    (server as TlsServer).setSecureContext(this.#contents);
  }

  /** Whether the files had the same bytes then. */
  equals(other: TlsFiles): boolean {
    const [one, two] = [this.#contents, other.#contents];
    const none = Buffer.alloc(0);
    return (
      one.cert.equals(two.cert) &&
      one.key.equals(two.key) &&
      (one.ca ?? none).equals(two.ca ?? none)
    );
  }
}

function read({ certFile, keyFile, clientCaFile, ...tls }: TlsConfig): Contents {
  const { passphrase, clientCertificates, minVersion } = tls;
  const asked = clientCertificates !== 'none' && clientCaFile !== undefined;
  return {
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
    ...(passphrase !== undefined && { passphrase }),
    ...(asked && { ca: readFileSync(clientCaFile) }),
    minVersion,
  };
}

/** Returns when the certificate expires. */
function check(contents: Contents, { certFile, keyFile, clientCaFile }: TlsConfig): number {
  const { cert, ca } = contents;
  const certificate = certificateIn(cert, certFile);
  // A context takes a key of another kind than the certificate's, and authorities that are none.
  if (!certificate.checkPrivateKey(keyIn(contents, keyFile))) {
    throw new Error(`${keyFile} is not the key of ${certFile}`);
  }
  if (ca) certificateIn(ca, `${clientCaFile}`);
  createSecureContext(contents);
  return Date.parse(certificate.validTo) / 1000;
}

function certificateIn(pem: Buffer, file: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new Error(`${file} holds no certificate (${(cause as Error).message})`, { cause });
  }
}

function keyIn({ key, passphrase }: Contents, file: string): KeyObject {
  try {
    return createPrivateKey({ key, ...(passphrase !== undefined && { passphrase }) });
  } catch (cause) {
    const { message } = cause as Error;
    throw new Error(`${file} holds no key that can be read (${message})`, { cause });
  }
}
