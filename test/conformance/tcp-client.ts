import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { leaveRoute, prepareRoutes } from '../support/tcp-routes.js';
import { certificate, type TestServerOptions } from '../support/test-server.js';
import type { Answer, Target, TransportClient, Upload, UploadOptions } from './client.js';

const folder = mkdtempSync(join(tmpdir(), 'ur-tcp-client-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const files = await certificate(folder);
prepareRoutes();

/** Answers have a head, so that a status can be seen; the token line opens a stream before its body. */
const TRANSPORTS: TestServerOptions['transports'] = {
  tcp: {
    ...{ enabled: true, port: 0, tls: { port: 0, ...files }, maxConnections: 2000 },
    ...{ tokenLine: 'always', answers: 'head-and-body' },
  },
};

/** Raw TCP, and the same within TLS. */
export function tcpClient(scheme: 'tcp' | 'tls'): TransportClient {
  return {
    name: scheme,
    transports: TRANSPORTS,
    // There is no path that could be permitted, and no length that could be declared.
    without: ['admission', /\bdeclared/],
    open: (server, options) => new TcpUpload(server, scheme, options),
  };
}

class TcpUpload implements Upload {
  readonly answer: Promise<Answer>;
  readonly #tcp: Socket;
  readonly #ready: Promise<Socket>;
  #socket: Socket | undefined;

  constructor(server: Target, scheme: 'tcp' | 'tls', { path, headers = {} }: UploadOptions) {
    const port = server.port(scheme);
    const tcp = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    this.#tcp = tcp;
    this.#ready = once(tcp, 'connect').then(async () => {
      leaveRoute(`127.0.0.1:${tcp.localPort}`, { path, headers });
      const options = { socket: tcp, rejectUnauthorized: false, allowHalfOpen: true };
      const socket = scheme === 'tcp' ? tcp : connectTls(options);
      if (socket !== tcp) await once(socket, 'secureConnect');
      this.#socket = socket;
      socket.write('TOKEN none\n');
      return socket;
    });
    this.answer = this.#ready.then((socket) => TcpAnswer.of(socket));
    // A test that looks only at what the worker saw does not wait for it.
    this.answer.catch(() => {});
  }

  async write(bytes: Uint8Array | string): Promise<void> {
    const socket = await this.#ready;
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error) => reject(error);
      socket.once('error', failed);
      socket.write(bytes, (error) => {
        socket.off('error', failed);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  end(): void {
    void this.#ready.then(
      (socket) => socket.end(),
      () => {},
    );
  }

  abort(): void {
    // While it shuts down, Node.js 20 would never close it.
    if (this.#socket?.writableEnded) this.#tcp.destroy();
    else this.#tcp.resetAndDestroy();
  }
}

class TcpAnswer implements Answer {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  #status = 0;
  #headers: Answer['headers'] = {};
  #whole = false;
  #cut = false;
  #changed: (() => void) | undefined;

  /** Resolves when the head has come. */
  static async of(socket: Socket): Promise<TcpAnswer> {
    const answer = new TcpAnswer(socket);
    let line = '';
    while (!line.includes('\n')) {
      const part = await answer.next();
      if (part === undefined) throw new Error('closed without an answer');
      line += part;
    }
    const at = line.indexOf('\n') + 1;
    if (at < line.length) answer.#chunks.unshift(Buffer.from(line.slice(at), 'latin1'));
    const { status, headers } = JSON.parse(line.slice(0, at));
    answer.#status = status;
    answer.#headers = Object.fromEntries(headers);
    return answer;
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    const changed = () => this.#changed?.();
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      changed();
    });
    socket.once('end', () => {
      this.#whole = true;
      changed();
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#cut = !this.#whole;
      changed();
    });
  }

  get status(): number {
    return this.#status;
  }

  get headers(): Answer['headers'] {
    return this.#headers;
  }

  async next(): Promise<string | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) return chunk.toString('latin1');
      if (this.#whole) {
        this.#socket.end();
        return undefined;
      }
      if (this.#cut) throw new Error('cut');
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  async text(): Promise<string> {
    let text = '';
    for (let part = await this.next(); part !== undefined; part = await this.next()) text += part;
    return text;
  }
}
