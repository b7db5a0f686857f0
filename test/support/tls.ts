import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { authority, certify, type Pair } from './authority.js';
import { within } from './until.js';

/** The files of TLS listeners that ask clients for certificates, and some clients. */
export class TlsFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'ur-tls-'));
  readonly certFile = join(this.path, 'cert.pem');
  readonly keyFile = join(this.path, 'key.pem');
  readonly clientCaFile = join(this.path, 'ca.pem');
  /** Has signed the listeners' certificate and the clients that are known. */
  readonly #ours: Pair;

  static async create(): Promise<TlsFolder> {
    const folder = new TlsFolder(await authority());
    folder.write(folder.clientCaFile, folder.#ours.cert);
    await folder.renew();
    return folder;
  }

  private constructor(ours: Pair) {
    this.#ours = ours;
  }

  /** For the configuration of a listener, on a free port. */
  get listener() {
    const { certFile, keyFile, clientCaFile } = this;
    return { port: 0, certFile, keyFile, clientCaFile, clientCertificates: 'optional' as const };
  }

  /** A client that the listeners know. */
  client(commonName: string): Promise<Pair> {
    return certify(this.#ours, commonName);
  }

  /** Another certificate for the listeners, with another key. */
  async renew(): Promise<Pair> {
    const own = await certify(this.#ours, 'localhost');
    this.write(this.certFile, own.cert);
    this.write(this.keyFile, own.key);
    return own;
  }

  /** In one step, as deployments do it. */
  write(path: string, content: string): void {
    writeFileSync(`${path}.new`, content, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A connection to a TLS listener of this machine, whoever has signed its certificate. */
export async function connectTls(
  port: number,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  await within(
    new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('error', reject);
    }),
    'the handshake',
  );
  return socket;
}

/** The fingerprint of the certificate that a new connection is shown. */
export async function fingerprintAt(port: number): Promise<string> {
  const socket = await connectTls(port);
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}
