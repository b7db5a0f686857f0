import { humanBytes } from '../config/units.js';
import { planGeometry } from '../ring/machine.js';
import { commandName } from './package-info.js';
import type { ServeSetup } from './serve-setup.js';
import { styleFor } from './terminal.js';

/** Where a transport can be reached, as the server reports it. */
export interface Address {
  readonly transport: string;
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

/** Where a server can be reached. */
export interface Listening {
  readonly addresses: readonly Address[];
  /** The listener for operations, if there is one. */
  readonly admin?: Omit<Address, 'transport' | 'scheme'> | undefined;
}

/** The first line of `serve --json`; docs/cli.md describes it. */
export function listeningEvent(
  setup: ServeSetup,
  { addresses, admin }: Listening,
): { readonly event: 'listening' } & Record<string, unknown> {
  const { segment } = setup.config;
  const { totalBytes, startBytes } = planGeometry(segment);
  return {
    event: 'listening',
    pid: process.pid,
    addresses,
    ...(admin ? { admin } : {}),
    socket: segment.socket,
    segment: { totalBytes, startBytes, memory: segment.memory },
    ...(setup.certificate ? { certificate: setup.certificate.certFile } : {}),
  };
}

/** What `serve` says to a person when it is ready. */
export function announcement(
  setup: ServeSetup,
  { addresses, admin }: Listening,
  { workers }: { readonly workers: number },
): string {
  const style = styleFor(process.stdout);
  const { segment } = setup.config;
  const plan = planGeometry(segment);
  const pools = segment.pools.map((pool) => `${pool.name} ${pool.streams}`).join(', ');
  // Versions of HTTP share ports: the first one is enough.
  const quic = addresses.find(({ transport }) => transport === 'http3');
  const places = addresses.filter(
    (one, i) => one !== quic && addresses.findIndex((a) => a.url === one.url) === i,
  );
  const lines = [
    ...setup.moved.map(({ key, port }) =>
      style.yellow(`port ${port} is taken: a free one is used (${key})`),
    ),
    `${style.bold('segment')}  ${humanBytes(plan.startBytes)} of shared memory, streams: ${pools}`,
    `${style.bold('socket')}   ${segment.socket}`,
    ...places.map(({ url }) => `${style.bold('url')}      ${style.cyan(url)}`),
    ...(quic ? [`${style.bold('http3')}    UDP port ${quic.port}, found by Alt-Svc`] : []),
    ...(admin ? [`${style.bold('admin')}    ${style.cyan(admin.url)}`] : []),
  ];
  if (setup.certificate) {
    lines.push(`${style.bold('trust')}    --cacert ${setup.certificate.certFile}`);
  }
  if (setup.certificate && !setup.demo && workers === 0) {
    lines.push(style.yellow('the example worker is not installed: start one of your own'));
  }
  if (workers === 0) {
    lines.push('', 'Start a worker in another terminal:', `  ${commandName()} worker <module>`);
  }
  return [...lines, ...tryLines(places, segment.socket, setup)].join('\n');
}

/** What to type to see an upload arrive. */
function tryLines(places: readonly Address[], socket: string, setup: ServeSetup): string[] {
  const lines = ['', 'Try it:', '  head -c 1G /dev/urandom > big.bin'];
  for (const { transport, scheme, url } of places) {
    // curl of Debian 12 speaks no WebSocket; that of WHIP is for offers.
    if (!scheme.startsWith('http') || transport === 'webrtc') continue;
    const tls = scheme === 'https';
    const h2c = transport === 'http2' && !tls;
    const shown = setup.certificate ? url.replace('//127.0.0.1', '//localhost') : url;
    const option = h2c ? '--http2-prior-knowledge ' : tls && setup.certificate ? '-k ' : '';
    lines.push(`  curl ${option}-T big.bin ${shown}`);
  }
  return [...lines, `  ${commandName()} top --socket ${socket}`, '', 'Ctrl-C stops it.'];
}
