import type { IncomingMessage } from 'node:http';
import websocket, { type WebsocketPluginOptions } from '@fastify/websocket';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { fromNative, UploadResponseError } from '../../errors/index.js';
import { type HttpFront, WEBSOCKET_ONLY } from '../../http/index.js';
import type { WebSocketConfig } from './config.js';
import { chooseProtocol } from './handshake.js';
import { UploadWebSocket } from './upload-web-socket.js';

/** Chunks and fragments of one message. Each costs more than its bytes. */
const MAX_PARTS = 16 * 1024;

/** The class as the types of `ws` have it: with everything that its package exports. */
type WebSocketClass = NonNullable<NonNullable<WebsocketPluginOptions['options']>['WebSocket']>;

/** What becomes of a request to upgrade, in this order. */
export interface UpgradeHandlers {
  /** Calls `done` once, with an error if the request is refused. */
  arrived(request: IncomingMessage, done: (error?: UploadResponseError) => void): void;
  /** Immediately before the upgrade. @throws UploadResponseError */
  admitted(request: IncomingMessage): void;
  upgraded(request: IncomingMessage, socket: UploadWebSocket): void;
  /** At any place before `upgraded`: the client is told. */
  refuse(request: IncomingMessage, error: UploadResponseError): void;
  /** Something that must not happen. */
  failed(error: Error): void;
}

/** Adds the routes of WebSocket to those of HTTP. */
export function addRoutes(http: HttpFront, config: WebSocketConfig, to: UpgradeHandlers): void {
  const { app, prefix } = http;
  app.register(websocket, {
    options: serverOptions(config),
    // Connections are closed by their transport, before the routes are.
    preClose: (done) => done(),
    errorHandler: (error, socket) => {
      // What is wrong with a frame comes here too, and is its channel's.
      if ((socket as UploadWebSocket).onClosing) return;
      to.failed(error);
      socket.terminate();
    },
  });
  const refuse = (
    { raw }: FastifyRequest,
    reply: FastifyReply,
    error: UploadResponseError,
  ): void => {
    // The answer goes to the socket.
    reply.hijack();
    to.refuse(raw, error);
  };
  app.register(async (scope) => {
    scope.websocketServer.on('wsClientError', (error, _socket, request) =>
      to.refuse(request, new UploadResponseError('BAD_HANDSHAKE', error.message)),
    );
    for (const url of [prefix, `${prefix === '/' ? '' : prefix}/*`]) {
      scope.route({
        method: 'GET',
        url,
        constraints: WEBSOCKET_ONLY,
        onRequest: (request, reply, done) =>
          to.arrived(request.raw, (error) => (error ? refuse(request, reply, error) : done())),
        preHandler: (request, reply, done) => {
          try {
            to.admitted(request.raw);
          } catch (thrown) {
            refuse(request, reply, fromNative(thrown));
            return;
          }
          done();
        },
        handler: () => undefined,
        wsHandler: (socket: WebSocket, request) =>
          to.upgraded(request.raw, socket as UploadWebSocket),
      });
    }
  });
}

function serverOptions(config: WebSocketConfig) {
  return {
    WebSocket: UploadWebSocket as unknown as WebSocketClass,
    clientTracking: false,
    closeTimeout: config.closeTimeoutMs,
    handleProtocols: (offered: Set<string>) => chooseProtocol(offered) ?? (false as const),
    maxPayload: config.maxMessageBytes,
    maxBufferedChunks: MAX_PARTS,
    maxFragments: MAX_PARTS,
    // Without takeover no connection keeps the memory of a compressor between two messages.
    perMessageDeflate: config.deflate && {
      threshold: config.deflateThresholdBytes,
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
    },
  };
}
