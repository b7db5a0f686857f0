import { randomBytes } from 'node:crypto';
import { UploadResponseError } from '../../errors/index.js';
import { callerOf } from '../../http/index.js';
import type { RequestHead } from '../../protocols/hpks/index.js';
import { type Offer, readFragment, readOffer } from '../../protocols/sdp/index.js';
import type { PeerSession, SessionHost, SessionRequest } from './peer-session.js';
import type { WhipAnswer, WhipRequest } from './whip-routes.js';

const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';

/** What the endpoint has of its transport. */
export interface WhipHost extends SessionHost {
  /** @throws UploadResponseError TOO_MANY_SESSIONS */
  reserve(): void;
  /** @throws UploadResponseError BAD_SDP, PEER_ID_BUSY */
  open(offer: Offer, request: SessionRequest): PeerSession;
  /** One whose client may still say something of it. */
  find(id: string): PeerSession | undefined;
}

/** WHIP (RFC 9725): one request, as it came through the routes. */
export class WhipEndpoint {
  readonly #host: WhipHost;

  constructor(host: WhipHost) {
    this.#host = host;
  }

  /** Rejects with an UploadResponseError. */
  handle(request: WhipRequest): Promise<WhipAnswer> {
    const { method, session } = request;
    // Without credentials: a browser asks before it may send them.
    if (method === 'OPTIONS') return Promise.resolve(optionsOf(session));
    if (session === undefined) {
      if (method === 'POST') return this.#post(request);
    } else if (method === 'DELETE') return this.#delete(request, session);
    else if (method === 'PATCH') return this.#patch(request, session);
    return Promise.reject(new UploadResponseError('METHOD_NOT_ALLOWED', method));
  }

  async #post(request: WhipRequest): Promise<WhipAnswer> {
    const { room, raw } = request;
    const peer = request.peer ?? randomBytes(8).toString('hex');
    if (this.#host.draining) throw new UploadResponseError('SHUTTING_DOWN');
    const caller = this.#callerOf(request);
    const permit = await this.#host.admission.admit('publish', caller);
    let session: PeerSession;
    let offer: Offer;
    try {
      this.#host.reserve();
      const { videoCodecs, maxBitrateKbps } = this.#host.config;
      offer = readOffer(await request.text(SDP), { videoCodecs, remb: maxBitrateKbps > 0 });
      if (this.#host.draining) throw new UploadResponseError('SHUTTING_DOWN');
      this.#host.reserve();
      const query = caller.query === '' ? '' : `?${caller.query}`;
      const head: RequestHead = {
        kind: 'request',
        version: 1,
        method: 'POST',
        path: `/webrtc/${room}/${peer}${query}`,
        headers: [
          ['x-webrtc-room', room],
          ['x-webrtc-peer-id', peer],
          ['x-peer-addr', caller.peer],
        ],
      };
      const named = request.peer !== undefined;
      session = this.#host.open(offer, { room, peer, named, caller, head, permit });
    } catch (error) {
      permit.release();
      throw error;
    }
    try {
      const body = await session.answer(offer);
      const { path } = this.#host.config;
      const headers = {
        'content-type': SDP,
        location: `${path}/${room}/${peer}/${session.id}`,
        etag: session.etag,
        'accept-patch': FRAGMENT,
      };
      // Who does not hear of its session cannot end it.
      if (raw.socket?.destroyed) throw new UploadResponseError('CLIENT_GONE');
      return { status: 201, headers, body };
    } catch (error) {
      session.end();
      throw error;
    }
  }

  async #delete(request: WhipRequest, id: string): Promise<WhipAnswer> {
    (await this.#sessionOf(request, id)).finish();
    return { status: 200, headers: {} };
  }

  async #patch(request: WhipRequest, id: string): Promise<WhipAnswer> {
    const session = await this.#sessionOf(request, id);
    const match = request.raw.headers['if-match'];
    if (match === undefined) throw new UploadResponseError('PRECONDITION_REQUIRED');
    if (match !== '*' && match !== session.etag) {
      throw new UploadResponseError('PRECONDITION_FAILED');
    }
    session.trickle(readFragment(await request.text(FRAGMENT)));
    return { status: 204, headers: { etag: session.etag } };
  }

  /** The session of whoever may publish there. */
  async #sessionOf(request: WhipRequest, id: string): Promise<PeerSession> {
    // Who may have one stream only has it already.
    const permit = await this.#host.admission.admit('publish', this.#callerOf(request), false);
    permit.release();
    const session = this.#host.find(id);
    if (!session || session.room !== request.room || session.peer !== request.peer) {
      throw new UploadResponseError('UNKNOWN_SESSION');
    }
    return session;
  }

  /** Whoever may publish to a place may do there what belongs to it. A session's id stays out of it:
   *  it is a secret. */
  #callerOf({ raw, room, peer }: WhipRequest) {
    const { name, config } = this.#host;
    const place = peer === undefined ? room : `${room}/${peer}`;
    const caller = callerOf(name, raw);
    return { ...caller, path: `${config.path}/${place}`, contentLength: undefined };
  }
}

function optionsOf(session: string | undefined): WhipAnswer {
  if (session !== undefined) {
    return { status: 204, headers: { allow: 'OPTIONS, PATCH, DELETE', 'accept-patch': FRAGMENT } };
  }
  return { status: 204, headers: { allow: 'OPTIONS, POST', 'accept-post': SDP } };
}
