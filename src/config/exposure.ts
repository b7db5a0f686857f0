import { isLoopback } from '../http/loopback.js';

/** An address that somebody on another machine may reach. */
export interface ExposedAddress {
  /** Of the key that names it. */
  readonly path: string[];
  readonly host: string;
}

/** It may be bound to every address, and sends other machines away itself. */
const CHECKS_PEERS = new Set(['http3']);

/** The addresses of the listeners, of `http`, `admin` and the transports, that are not loopback. */
export function exposedAddresses(config: {
  readonly http: object;
  readonly transports: object;
  readonly admin: { readonly host: string; readonly port?: number | undefined };
}): ExposedAddress[] {
  const found: ExposedAddress[] = [];
  collect(config.http, ['http'], found);
  if (config.admin.port !== undefined) collect(config.admin, ['admin'], found);
  for (const [name, transport] of Object.entries(config.transports)) {
    if (CHECKS_PEERS.has(name)) continue;
    if (typeof transport === 'object') collect(transport, ['transports', name], found);
  }
  return found;
}

function collect(section: object, path: readonly string[], found: ExposedAddress[]): void {
  const { host, plain } = section as { host?: unknown; plain?: unknown };
  // Without the plain listener its host still is the one of listeners that have none of their own.
  const inherited = Object.values(section).some(
    (one) => typeof one === 'object' && one !== null && 'port' in one && !('host' in one),
  );
  const used = plain !== false || inherited;
  if (typeof host === 'string' && used && !isLoopback(host)) {
    found.push({ path: [...path, 'host'], host });
  }
  for (const [key, inner] of Object.entries(section)) {
    if (typeof inner === 'object' && inner !== null) collect(inner, [...path, key], found);
  }
}
