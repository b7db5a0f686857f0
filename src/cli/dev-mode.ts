import { existsSync } from 'node:fs';
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
      'transports.http1.host': '127.0.0.1',
      'transports.http1.tls.port': 8443,
      'transports.http1.tls.certFile': certificate.certFile,
      'transports.http1.tls.keyFile': certificate.keyFile,
    },
  };
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
  const { http1 } = loaded.config.transports;
  const moved: MovedPort[] = [];
  const choose = async (key: string, host: string, port: number): Promise<number> => {
    if (loaded.isSet(key) || (await probePort(host, port)) !== 'EADDRINUSE') return port;
    moved.push({ key, port });
    return 0;
  };
  const port = http1.plain
    ? await choose('transports.http1.port', http1.host, http1.port)
    : http1.port;
  const tls = http1.tls && {
    ...http1.tls,
    port: await choose('transports.http1.tls.port', http1.tls.host ?? http1.host, http1.tls.port),
  };
  const transports = { ...loaded.config.transports, http1: { ...http1, port, tls } };
  return { config: { ...loaded.config, transports }, moved };
}
