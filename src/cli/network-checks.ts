import { createPrivateKey, X509Certificate } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isHttp3Enabled } from '../config/http3.js';
import type { Config } from '../config/index.js';
import { UploadResponseError } from '../errors/index.js';
import type { Check } from './checks.js';
import { attachMonitor } from './monitor.js';
import { probePort } from './ports.js';

const DAY_MS = 86_400_000;
const EXPIRY_WARNING_DAYS = 14;

/** An address that the configuration makes a transport listen on. */
export interface Endpoint {
  /** `http.tls` */
  readonly key: string;
  readonly host: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
}

/** Every address of the configuration: maps with a port, at the top of their section or inside. */
export function endpointsOf({ http, admin, transports }: Config): Endpoint[] {
  const found: Endpoint[] = [];
  collect(http, 'http', '127.0.0.1', found);
  collect(admin, 'admin', '127.0.0.1', found);
  for (const [name, config] of Object.entries(transports)) {
    const off = 'enabled' in config && config.enabled === false;
    if (name !== 'http3' && name !== 'srt' && !off)
      collect(config, `transports.${name}`, '127.0.0.1', found);
  }
  const { http3 } = transports;
  if (isHttp3Enabled(http3)) {
    const host = http3.host ?? http.tls?.host ?? http.host;
    found.push({ key: 'transports.http3', host, port: http3.port, protocol: 'udp' });
  }
  const { srt } = transports;
  if (srt.enabled) {
    for (const key of ['port', 'filePort'] as const) {
      const port = srt[key];
      if (port === undefined) continue;
      found.push({ key: 'transports.srt', host: srt.host, port, protocol: 'udp' });
    }
  }
  return found;
}

function collect(config: object, key: string, outerHost: string, into: Endpoint[]): void {
  const { host = outerHost, port, plain } = config as Record<string, unknown>;
  const here = typeof host === 'string' ? host : outerHost;
  if (typeof port === 'number' && plain !== false) {
    into.push({ key, host: here, port, protocol: 'tcp' });
  }
  for (const [name, inner] of Object.entries(config)) {
    if (typeof inner === 'object' && inner !== null) collect(inner, `${key}.${name}`, here, into);
  }
}

/** Whether each configured port can be had. `ours`: a server of ours is running. */
export async function checkPorts(endpoints: readonly Endpoint[], ours: boolean): Promise<Check[]> {
  const checks: Check[] = [];
  for (const { key, host, port, protocol } of endpoints) {
    const id = `port:${port}`;
    const at = `${host}:${port}${protocol === 'udp' ? ' UDP' : ''} (${key})`;
    const code = port === 0 ? undefined : await probePort(host, port, protocol);
    if (code === undefined) checks.push({ id, status: 'ok', detail: `${at} is free` });
    else if (code === 'EADDRINUSE' && ours) {
      checks.push({ id, status: 'ok', detail: `${at} is taken, and a server is running` });
    } else
      checks.push({ id, status: 'fail', detail: `${at}: ${code}`, remedy: portRemedy(code, key) });
  }
  return checks;
}

function portRemedy(code: string, key: string): string {
  if (code === 'EADDRINUSE')
    return `Another program listens there: change ${key}.port, or stop it.`;
  if (code === 'EACCES') return `Ports below 1024 need privileges: change ${key}.port.`;
  if (code === 'EADDRNOTAVAIL') return `This machine has no such address: change ${key}.host.`;
  return `Change ${key}.host or ${key}.port.`;
}

/** Whether a server listens on the control socket, or one could. */
export async function checkSocket(socket: string): Promise<{ check: Check; live: boolean }> {
  const id = 'socket';
  const result = (status: Check['status'], detail: string, remedy?: string) => ({
    check: { id, status, detail, ...(remedy === undefined ? {} : { remedy }) },
    live: false,
  });
  if (!existsSync(socket)) return { check: checkFolder(id, socket), live: false };
  if (!statSync(socket).isSocket()) {
    return result('fail', `${socket} is no socket`, 'Choose another path, or remove the file.');
  }
  try {
    const segment = await attachMonitor(socket);
    const { serverPid, abiMajor, abiMinor } = segment.description;
    segment.close();
    const mode = statSync(socket).mode & 0o777;
    const detail = `${socket}: live, server pid ${serverPid}, format ${abiMajor}.${abiMinor}`;
    if ((mode & 0o077) === 0) return { check: { id, status: 'ok', detail }, live: true };
    const remedy = `chmod 600 ${socket}`;
    const open = `${detail}, but its mode is ${mode.toString(8)}`;
    return { check: { id, status: 'warn', detail: open, remedy }, live: true };
  } catch (error) {
    const code = error instanceof UploadResponseError ? error.code : undefined;
    if (code === 'SERVER_GONE') {
      return result('ok', `${socket}: stale, nobody listens; the next server replaces it`);
    }
    const remedy = error instanceof UploadResponseError ? error.remedy : undefined;
    return result(
      code === 'NATIVE_UNAVAILABLE' ? 'warn' : 'fail',
      (error as Error).message,
      remedy,
    );
  }
}

function checkFolder(id: string, socket: string): Check {
  let folder = dirname(socket);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return { id, status: 'ok', detail: `${socket}: no server is running` };
  } catch {
    const remedy = 'Choose another path with segment.socket or UR_SOCKET.';
    return { id, status: 'fail', detail: `${folder} cannot be written`, remedy };
  }
}

/** Whether certificate and key of each TLS section can be read, belong together and are valid. */
export function checkCertificates({ http, transports }: Config, now = new Date()): Check[] {
  const checks: Check[] = [];
  const sections = Object.entries(transports).map(
    ([name, config]) => [`transports.${name}`, config] as const,
  );
  for (const [key, config] of [['http', http] as const, ...sections]) {
    const { tls } = config as { tls?: TlsFiles };
    if (tls) checks.push(checkCertificate(`${key}.tls`, tls, now));
  }
  return checks;
}

interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly passphrase?: string;
}

function checkCertificate(key: string, tls: TlsFiles, now: Date): Check {
  const id = 'certificate';
  try {
    const certificate = new X509Certificate(readFileSync(tls.certFile));
    const { passphrase } = tls;
    const pem = readFileSync(tls.keyFile);
    const privateKey = createPrivateKey({ key: pem, ...(passphrase ? { passphrase } : {}) });
    if (!certificate.checkPrivateKey(privateKey)) {
      const detail = `${tls.keyFile} is not the key of ${tls.certFile}`;
      return { id, status: 'fail', detail, remedy: `Correct ${key}.certFile or ${key}.keyFile.` };
    }
    const days = Math.floor((Date.parse(certificate.validTo) - now.getTime()) / DAY_MS);
    const detail = `${tls.certFile} is valid until ${certificate.validTo}`;
    if (days >= EXPIRY_WARNING_DAYS) return { id, status: 'ok', detail };
    return { id, status: days < 0 ? 'fail' : 'warn', detail, remedy: 'Renew the certificate.' };
  } catch (error) {
    const remedy = `Correct ${key}.certFile or ${key}.keyFile.`;
    return { id, status: 'fail', detail: (error as Error).message, remedy };
  }
}
