import type { TransportClient } from './client.js';
import { http1Client } from './http1-client.js';
import { http2Client } from './http2-client.js';
import { http3Client } from './http3-client.js';
import { tcpClient } from './tcp-client.js';
import { webSocketClient } from './websocket-client.js';
import { webSocketExchangesClient } from './websocket-exchanges-client.js';

/** Every transport that the suites run for. One line each. */
export const CLIENTS: readonly TransportClient[] = [
  http1Client('http1', 'http'),
  http1Client('http1-tls', 'https'),
  http2Client('h2', 'https'),
  http2Client('h2c', 'http'),
  http3Client(),
  webSocketClient('ws', 'ws'),
  webSocketClient('wss', 'wss'),
  webSocketExchangesClient('ws-exchanges', 'ws'),
  tcpClient('tcp'),
  tcpClient('tls'),
];
