import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Admission, admitThen, type Permit } from '../../admission/index.js';
import { fromNative, UploadResponseError } from '../../errors/index.js';
import { tcpSocketOf } from '../../http/index.js';
import {
  type ErrorAnswer,
  errorAnswer,
  errorWithHead,
  headLine,
  type Ingress,
  type IngressExchange,
  type ResponseSink,
} from '../../ingress/index.js';
import type { Header } from '../../protocols/hpks/index.js';
import type { TcpConfig } from './config.js';
import { errorLine } from './error-line.js';
import { callerOf, headOf } from './request.js';
import { invalid, TokenLine } from './token-line.js';

/** What an upload has of its transport. */
export interface TcpHost {
  readonly name: string;
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  readonly config: TcpConfig;
  /** Counts a request. */
  requested(): void;
  /** Counts one that did not become a stream. */
  refused(error: UploadResponseError): void;
}

/** Bytes of the answer that may wait in the socket, so that the worker's next slot is ready when the
 *  socket has taken the last one. */
const MAX_WAITING_BYTES = 256 * 1024;

/**
 * One connection, which is one request: what comes until the client closes its half is the body, what
 * goes back is the answer. It becomes a stream with its first byte, or with its token line. Who ends
 * before that has only looked whether somebody listens.
 */
export class TcpUpload implements ResponseSink {
  readonly socket: Socket;
  readonly #host: TcpHost;
  /** Until the line is whole, where there has to be one. */
  #line: TokenLine | undefined;
  #stopAdmitting: (() => void) | undefined;
  #asked = false;
  #exchange: IngressExchange | undefined;
  #requestEnded = false;
  /** Something of the answer was written. */
  #begun = false;
  /** Nothing more is written; what comes is read away. */
  #answered = false;
  /** Value of the socket's `bytesRead` at which that is given up. */
  #lingerEnd = Number.POSITIVE_INFINITY;
  /** One at a time: first bytes, then idle, then linger. */
  #timer: NodeJS.Timeout | undefined;

  constructor(host: TcpHost, socket: Socket) {
    this.#host = host;
    this.socket = socket;
    const { tokenLine } = host.config;
    const known = (socket as Partial<TLSSocket>).authorized === true;
    if (tokenLine === 'always' || (tokenLine === 'without-certificate' && !known)) {
      this.#line = new TokenLine();
    }
    this.#timer = setTimeout(() => {
      this.#refuse(new UploadResponseError('HEAD_TIMEOUT'));
    }, host.config.firstBytesTimeoutMs);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#data(chunk));
    socket.on('end', () => this.#ended());
    socket.on('drain', () => this.#exchange?.sinkReady());
    // Whatever it is, the socket closes.
    socket.on('error', () => {});
    socket.once('close', () => this.#closed());
  }

  /** Nothing new is taken: who has not begun has to go. */
  drain(): void {
    if (!this.#asked && !this.#answered) this.#refuse(new UploadResponseError('SHUTTING_DOWN'));
  }

  cut(): void {
    this.#stopAdmitting?.();
    this.#exchange?.abort('SHUTTING_DOWN');
    this.#reset();
  }

  head(status: number, headers: readonly Header[]): void {
    if (this.#host.config.answers === 'body') return;
    this.#begun = true;
    this.socket.write(headLine(status, headers));
  }

  body(view: Uint8Array, taken: () => void): boolean {
    this.#begun = true;
    const room = this.socket.write(view, taken);
    return room || this.socket.writableLength < MAX_WAITING_BYTES;
  }

  trailers(): void {}

  end(): void {
    this.#finish();
  }

  fail(error: UploadResponseError, answer: ErrorAnswer): void {
    const { answers, errors } = this.#host.config;
    if (this.#begun || (answers === 'body' && errors === 'reset')) {
      this.#reset();
    } else {
      this.#finish(answers === 'body' ? errorLine(error, answer) : errorWithHead(answer));
    }
  }

  #data(chunk: Buffer): void {
    if (this.#answered) {
      if (this.socket.bytesRead > this.#lingerEnd) this.socket.destroy();
    } else if (this.#exchange) {
      this.#timer?.refresh();
      this.#write(this.#exchange, chunk);
    } else if (this.#line) {
      this.#readLine(this.#line, chunk);
    } else {
      this.#admit(undefined, chunk);
    }
  }

  #readLine(line: TokenLine, chunk: Buffer): void {
    try {
      const found = line.push(chunk);
      if (found) this.#admit(found.token, found.rest);
    } catch (error) {
      this.#refuse(fromNative(error));
    }
  }

  /** `rest`: the beginning of the body. */
  #admit(token: string | undefined, rest: Buffer): void {
    this.#asked = true;
    this.#stopTimer();
    this.socket.pause();
    const { admission, name } = this.#host;
    this.#stopAdmitting = admitThen(
      admission,
      'publish',
      callerOf(name, this.socket, token),
      (permit) => this.#admitted(permit, rest),
      (error) => this.#refuse(error),
    );
  }

  #admitted(permit: Permit, rest: Buffer): void {
    const { ingress, name, pool } = this.#host;
    this.#stopAdmitting = undefined;
    this.#exchange = ingress.open({
      transport: name,
      pool,
      head: headOf(this.socket),
      permit,
      sink: this,
      givesChunksAway: true,
      onResume: () => this.#resume(),
    });
    this.#host.requested();
    this.#resume();
    if (rest.length > 0) this.#write(this.#exchange, rest);
  }

  #write(exchange: IngressExchange, chunk: Buffer): void {
    if (exchange.writeBody(chunk) || this.#answered) return;
    this.socket.pause();
    this.#stopTimer();
  }

  #resume(): void {
    this.socket.resume();
    const { idleTimeoutMs } = this.#host.config;
    if (idleTimeoutMs === 0 || this.#requestEnded || this.#answered) return;
    this.#timer = setTimeout(() => {
      this.#exchange?.fail('UPLOAD_TOO_SLOW', `nothing came for ${idleTimeoutMs} ms`);
    }, idleTimeoutMs);
  }

  /** The client has closed its half. */
  #ended(): void {
    this.#requestEnded = true;
    if (this.#answered) return;
    this.#stopTimer();
    if (this.#exchange) this.#exchange.endBody();
    else if (this.#line && this.#line.size > 0) this.#refuse(invalid('it ends within the line'));
    else this.#finish();
  }

  #refuse(error: UploadResponseError): void {
    this.#host.requested();
    this.#host.refused(error);
    this.fail(error, errorAnswer(error));
  }

  /** The answer is whole, after `last`. Closing at once would make the kernel reset the connection while
   *  something of the request is unread, and the client lose the answer. */
  #finish(last?: Buffer): void {
    this.#answered = true;
    this.#stopTimer();
    if (last) this.socket.write(last);
    this.socket.end();
    const { lingerMs, lingerBytes } = this.#host.config;
    this.socket.once('finish', () => {
      this.#lingerEnd = this.socket.bytesRead + lingerBytes;
      this.#timer = setTimeout(() => this.socket.destroy(), lingerMs);
      this.socket.resume();
    });
  }

  /** Cuts the connection so that the client cannot take what it got for whole. */
  #reset(): void {
    this.#answered = true;
    if (this.socket.destroyed) return;
    // While it shuts down, Node.js 20 would never close it.
    if (!this.socket.writableEnded) tcpSocketOf(this.socket).resetAndDestroy();
    this.socket.destroy();
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #closed(): void {
    this.#stopTimer();
    this.#stopAdmitting?.();
    this.#exchange?.abort('CLIENT_GONE');
  }
}
