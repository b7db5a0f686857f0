import type { Socket } from 'node:net';
import { type RtmpEngine, type RtmpReceiver, startRtmpEngine } from '../../ring/index.js';
import { EngineWire, SocketWire, type Wire } from './wire.js';

/** Hands plain sockets to the engine's thread. Node.js keeps each of them, paused, for its address, its
 *  limits and its end. */
export class EngineSockets {
  /** By the engine's numbers: who takes the notices. */
  readonly #serving = new Map<number, () => void>();
  #engine: RtmpEngine | undefined;

  /** Without it, or where there is no engine, sockets are read here. @throws UploadResponseError SYSTEM */
  start(): void {
    this.#engine ??= startRtmpEngine(() => this.#serve());
  }

  /** Has the socket read: by the engine, or here where that cannot. `socket` must not have been read. */
  take(socket: Socket, receiver: RtmpReceiver, serve: () => void): Wire {
    const engine = this.#engine;
    const fd = descriptorOf(socket);
    const number = engine && fd !== undefined ? engine.adopt(fd, receiver) : 0;
    if (!engine || number === 0) return new SocketWire(socket, receiver, serve);
    this.#serving.set(number, serve);
    socket.once('close', () => this.#serving.delete(number));
    return new EngineWire(engine, receiver, number);
  }

  close(): void {
    this.#engine?.close();
    this.#engine = undefined;
  }

  #serve(): void {
    for (const number of this.#engine?.takeReady() ?? []) this.#serving.get(number)?.();
  }
}

/** Node.js shows a socket's descriptor nowhere else. */
function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as { _handle?: { readonly fd?: number } | null };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}
