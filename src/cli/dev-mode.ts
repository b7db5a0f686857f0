import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Config, LoadedConfig } from '../config/index.js';
import { type DevCertificate, devCertificate } from './dev-certificate.js';
import { packageFolder } from './package-info.js';
import { probePort } from './ports.js';

/** The example worker that `serve --dev` runs; absent from an installed package. */
export function demoWorker(): string | undefined {
  const module = join(packageFolder, 'examples', 'demo-worker.mjs');
  return existsSync(module) ? module : undefined;
}

/** What `--dev` puts in place of the defaults: loopback and a development certificate. */
export async function devPresets(): Promise<{
  readonly presets: Record<string, unknown>;
  readonly certificate: DevCertificate;
}> {
  const certificate = await devCertificate();
  return {
    certificate,
    presets: {
      'http.host': '127.0.0.1',
      'http.tls.port': 8443,
      'http.tls.certFile': certificate.certFile,
      'http.tls.keyFile': certificate.keyFile,
      'transports.http3.enabled': true,
      'transports.http3.host': everyAddress(),
    },
  };
}

/** Browsers ask for `localhost` by IPv6 first where there is IPv6, and reach the engine at no single
 *  address. */
function everyAddress(): string {
  const addresses = Object.values(networkInterfaces()).flat();
  return addresses.some((one) => one?.address === '::1') ? '::' : '0.0.0.0';
}

/** A default port that was taken, so that a free one is used. */
export interface MovedPort {
  readonly key: string;
  readonly port: number;
}

/** Puts a free port in place of each default one that is taken; ports that somebody asked for stay,
 *  and fail where they are taken. */
export async function freePorts(
  loaded: LoadedConfig<Config>,
): Promise<{ readonly config: Config; readonly moved: readonly MovedPort[] }> {
  const { http, transports } = loaded.config;
  const moved: MovedPort[] = [];
  const choose = async (
    key: string,
    host: string,
    port: number,
    protocol: 'tcp' | 'udp' = 'tcp',
  ): Promise<number> => {
    if (loaded.isSet(key)) return port;
    if ((await probePort(host, port, protocol)) !== 'EADDRINUSE') return port;
    moved.push({ key, port });
    return 0;
  };
  const port = http.plain ? await choose('http.port', http.host, http.port) : http.port;
  const tls = http.tls && {
    ...http.tls,
    port: await choose('http.tls.port', http.tls.host ?? http.host, http.tls.port),
  };
  const { http3 } = transports;
  const host = http3.host ?? http.host;
  const quic = http3.enabled
    ? await choose('transports.http3.port', host, http3.port, 'udp')
    : http3.port;
  const config = {
    ...loaded.config,
    http: { ...http, port, tls },
    transports: { ...transports, http3: { ...http3, port: quic } },
  };
  return { config, moved };
}
