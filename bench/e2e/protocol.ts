/** One protocol of the benchmarks: which client program speaks it, and where both servers offer it. */
export interface Protocol {
  readonly label: string;
  /** Program in `processes/`. */
  readonly client: string;
  /** Key of the port among those that the servers report. */
  readonly port: string;
  readonly scheme: 'http' | 'https' | 'ws' | 'wss';
}

export const PROTOCOLS = {
  http1: { label: 'HTTP/1.1', client: 'http1-client', port: 'http', scheme: 'http' },
  http1Tls: { label: 'HTTP/1.1 TLS', client: 'http1-client', port: 'https', scheme: 'https' },
  h2: { label: 'HTTP/2 TLS', client: 'http2-client', port: 'h2', scheme: 'https' },
  h2c: { label: 'HTTP/2', client: 'http2-client', port: 'h2c', scheme: 'http' },
  h3: { label: 'HTTP/3', client: 'http3-client', port: 'h3', scheme: 'https' },
  ws: { label: 'WebSocket', client: 'websocket-client', port: 'http', scheme: 'ws' },
  wss: { label: 'WebSocket TLS', client: 'websocket-client', port: 'https', scheme: 'wss' },
} as const satisfies Record<string, Protocol>;

export type ProtocolName = keyof typeof PROTOCOLS;
