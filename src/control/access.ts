import type { Admission, Permit } from '../admission/index.js';
import { UploadResponseError } from '../errors/index.js';
import { callerOf, isLoopback, type RawRequest } from '../http/index.js';
import { expectSameUser } from './same-user.js';

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

  /** A permit of the caller. Rejects with FORBIDDEN, UNAUTHENTICATED and what else admission says. */
  async admit(request: RawRequest): Promise<Permit> {
    if (this.#options.isOpen()) {
      expectLocalName(request);
      await expectSameUser(request.socket);
    }
    return this.#options.admission.admit('api', callerOf('control', request));
  }
}

/** A page of another site can make a browser of this machine ask here, under a name of its own that it
 *  lets mean a loopback address. Nobody else would use such a name. */
function expectLocalName({ headers }: RawRequest): void {
  const host = headers.host ?? headers[':authority'];
  if (host === undefined || isLoopback(String(host).replace(/:\d*$/, ''))) return;
  throw new UploadResponseError('FORBIDDEN', 'Host names another machine; configure auth');
}
