import type { Admission, Permit } from '../admission/index.js';
import { type ErrorCode, UploadResponseError } from '../errors/index.js';
import { callerOf, isLoopback, type RawRequest } from '../http/index.js';
import { expectSameUser } from './same-user.js';

/** Another permission may suffice. */
const NOT_ALLOWED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['FORBIDDEN', 'UNAUTHENTICATED']);

/** Whom the API asks. */
export interface AccessOptions {
  readonly admission: Admission;
  /** There is no way to authenticate, so that only this machine can connect. */
  isOpen(): boolean;
}

/** Who may use the API. */
export class Access {
  readonly #options: AccessOptions;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /** A permit of the caller; `asWorker`: the permission of workers suffices. Rejects with FORBIDDEN,
   *  UNAUTHENTICATED and what else admission says. */
  async admit(request: RawRequest, asWorker: boolean): Promise<Permit> {
    if (this.#options.isOpen()) {
      expectLocalName(request);
      await expectSameUser(request.socket);
    }
    const { admission } = this.#options;
    const caller = callerOf('control', request);
    try {
      return await admission.admit('api', caller);
    } catch (error) {
      if (!asWorker || !NOT_ALLOWED.has((error as UploadResponseError).code)) throw error;
      return await admission.admit('read', caller);
    }
  }
}

/** A page of another site can make a browser of this machine ask here, under a name of its own that it
 *  lets mean a loopback address. Nobody else would use such a name. */
function expectLocalName({ headers }: RawRequest): void {
  const host = headers.host ?? headers[':authority'];
  if (host === undefined || isLoopback(String(host).replace(/:\d*$/, ''))) return;
  throw new UploadResponseError('FORBIDDEN', 'Host names another machine; configure auth');
}
