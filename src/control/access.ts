import type { Admission, Permit } from '../admission/index.js';
import { UploadResponseError } from '../errors/index.js';
import { callerOf, isLoopback, type RawRequest } from '../http/index.js';
import { expectSameUser } from './same-user.js';

/** Who may use the API. */
export class Access {
  readonly #admission: Admission;
  readonly #open: boolean;

  /** `open`: there is no way to authenticate, so that only this machine can connect. */
  constructor(admission: Admission, open: boolean) {
    this.#admission = admission;
    this.#open = open;
  }

  /** A permit of the caller. Rejects with FORBIDDEN, UNAUTHENTICATED and what else admission says. */
  async admit(request: RawRequest): Promise<Permit> {
    if (this.#open) {
      expectLocalName(request);
      await expectSameUser(request.socket);
    }
    return this.#admission.admit('api', callerOf('control', request));
  }
}

/** A page of another site can make a browser of this machine ask here, under a name of its own that it
 *  lets mean a loopback address. Nobody else would use such a name. */
function expectLocalName({ headers }: RawRequest): void {
  const host = headers.host ?? headers[':authority'];
  if (host === undefined || isLoopback(String(host).replace(/:\d*$/, ''))) return;
  throw new UploadResponseError('FORBIDDEN', 'Host names another machine; configure auth');
}
