import { WebSocket } from 'ws';

/** Why `ws` wants to close. */
export type Closing =
  /** The client has closed. `code` is undefined where it gave none. */
  | { readonly by: 'client'; readonly code: number | undefined; readonly reason: Buffer }
  /** The client broke the protocol; an `error` event follows at once. */
  | { readonly by: 'receiver'; readonly code: number };

/**
 * A WebSocket that does not answer the client's close by itself: an answer may still be due, and a client
 * that has closed takes messages until it is closed in return (RFC 6455 section 5.5.1).
 */
export class UploadWebSocket extends WebSocket {
  onClosing: ((closing: Closing) => void) | undefined;

  /** Called by `ws` alone: with a reason, or with nothing, when a close frame has come; with nothing but
   *  a code when a frame is not as it must be. */
  override close(code?: number, reason?: string | Buffer): void {
    if (!this.onClosing) super.close(code, reason);
    else if (code !== undefined && reason === undefined) this.onClosing({ by: 'receiver', code });
    else this.onClosing({ by: 'client', code, reason: Buffer.from(reason ?? '') });
  }

  /** Sends a close frame, or the answer to the client's. */
  closeNow(code?: number, reason?: string | Buffer): void {
    super.close(code, reason);
  }
}
