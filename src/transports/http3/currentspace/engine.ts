import { lookup } from 'node:dns/promises';
import { UploadResponseError } from '../../../errors/index.js';
import type { QuicEngine, QuicListener, QuicOptions, QuicTaker } from '../quic-engine.js';
import { EventCredit } from './event-credit.js';
import { fillCredit } from './fill-credit.js';
import { HandleGuard } from './handle-guard.js';
import { CurrentspaceListener } from './listener.js';
import { ENGINE_NAME, loadNativeHttp3 } from './load.js';
import type { NativeCallback, NativeHttp3 } from './native-api.js';
import { inPrivateFolder } from './private-folder.js';
import { probePort } from './probe-port.js';
import { CONNECTION_WINDOW_BYTES } from './unread-watch.js';

let engine: CurrentspaceEngine | undefined;

/** The engine of this process: quiche, in threads of its own. @throws UploadResponseError
 *  QUIC_UNAVAILABLE */
export function currentspaceEngine(): QuicEngine {
  engine ??= new CurrentspaceEngine(loadNativeHttp3());
  return engine;
}

class CurrentspaceEngine implements QuicEngine {
  readonly name = ENGINE_NAME;
  readonly #native: NativeHttp3;
  readonly #credit: EventCredit;
  readonly #guard: HandleGuard;

  constructor(native: NativeHttp3) {
    this.#native = native;
    this.#credit = new EventCredit(native);
    this.#guard = new HandleGuard(native);
  }

  async listen(options: QuicOptions, taker: QuicTaker): Promise<QuicListener> {
    const { address: host } = await lookup(options.host);
    await probePort(host, options.port);
    this.#credit.limitBurst(options.burstBytes);
    const listener = this.#bind(host, options, taker);
    await fillCredit(this.#native, listener, this.#credit);
    return listener;
  }

  /** The engine writes the key into the folder for temporary files, under a name that can be guessed. */
  #bind(host: string, options: QuicOptions, taker: QuicTaker): CurrentspaceListener {
    return inPrivateFolder(() => {
      const create = (callback: NativeCallback) => this.#create(options, callback);
      const listener = new CurrentspaceListener(
        this.#native,
        create,
        taker,
        this.#credit,
        this.#guard,
        options,
      );
      const bound = listener.server.listen(options.port, host);
      listener.host = bound.address;
      listener.port = bound.port;
      return listener;
    });
  }

  #create(options: QuicOptions, callback: NativeCallback) {
    try {
      return new this.#native.NativeWorkerServer(
        {
          cert: options.cert,
          key: options.key,
          // The other one needs io_uring, which containers often forbid.
          runtimeMode: 'portable',
          maxIdleTimeoutMs: options.idleTimeoutMs,
          maxConnections: options.maxConnections,
          initialMaxStreamsBidi: options.maxStreamsPerConnection,
          initialMaxData: CONNECTION_WINDOW_BYTES,
        },
        callback,
      );
    } catch (cause) {
      const detail = `transports.http3: ${(cause as Error).message}`;
      throw new UploadResponseError('INVALID_CONFIG', detail, { cause });
    }
  }
}
