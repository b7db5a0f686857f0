import type { TLSSocket } from 'node:tls';
import { UploadResponseError } from '../../errors/index.js';
import { certificateOf } from '../../http/index.js';
import { type AmfObject, type AmfValue, readAmf0 } from '../../protocols/amf0/index.js';
import { MessageType } from '../../protocols/rtmp/index.js';
import type { LentWriter, RtmpContinuation, RtmpMedia } from '../../ring/index.js';
import type { AdobeAuth, AdobeUser } from './adobe-auth.js';
import { Publication, type PublicationHost, type Publisher } from './publication.js';
import {
  command,
  connected,
  connectRejected,
  publishFailed,
  publishStarted,
  reconnectRequest,
  understandsReconnect,
  unpublished,
} from './replies.js';
import { queryOf, targetOf } from './target.js';

/** What commands need of the transport. */
export interface CommandHost extends PublicationHost {
  readonly draining: boolean;
  /** Who connects has to be one of its users. */
  readonly users: AdobeAuth | undefined;
  /** A publication may have several tracks of a kind. */
  readonly multitrack: boolean;
  opened(publication: Publication): void;
}

/** What commands need of their connection. */
export interface CommandLink {
  readonly socket: {
    readonly remoteAddress?: string | undefined;
    readonly remotePort?: number | undefined;
  };
  send(bytes: Buffer): void;
  /** Closes it once the client has what was sent. */
  end(): void;
  expectPublish(): void;
  /** It has asked to publish: what is waited for now is the answer. */
  asked(): void;
  /** Audio and video of this message stream are wanted from now on. */
  publishing(streamId: number, after: RtmpContinuation | undefined): void;
  /** No more. */
  unpublished(): void;
  pause(): void;
  resume(): void;
  lend(lane: LentWriter): void;
  media(): RtmpMedia;
}

/** A message that is neither media nor about chunks. */
export interface CommandMessage {
  readonly type: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

const MAX_COMMAND_BYTES = 65_536;
const MAX_STREAMS = 16;

/** The commands of one connection: connect, createStream, publish, and what ends it. One publication at
 *  a time. */
export class CommandSession implements Publisher {
  readonly #host: CommandHost;
  readonly #link: CommandLink;
  readonly #peer: string;
  readonly #peerPort: number;
  #app: string | undefined;
  #user: AdobeUser | undefined;
  #reconnects = false;
  #streams = 0;
  #publication: Publication | undefined;

  constructor(host: CommandHost, link: CommandLink) {
    this.#host = host;
    this.#link = link;
    this.#peer = link.socket.remoteAddress ?? '';
    this.#peerPort = link.socket.remotePort ?? 0;
  }

  get idle(): boolean {
    return this.#publication === undefined;
  }

  /** The publication's first frame has come. */
  begin(media: RtmpMedia): void {
    this.#publication?.begin(media);
  }

  /** The publication's lane is full. False: wait for `resume`. */
  makeRoom(): boolean {
    return this.#publication?.makeRoom() ?? true;
  }

  /** Commands and data. @throws UploadResponseError RTMP_PROTOCOL, AMF_INVALID */
  take({ type, streamId, payload }: CommandMessage): void {
    switch (type) {
      case MessageType.commandAmf0:
        this.#command(streamId, payload);
        break;
      case MessageType.commandAmf3:
        // The byte before it says that AMF0 follows.
        this.#command(streamId, payload.subarray(1));
        break;
      case MessageType.dataAmf0:
        this.#describe(streamId, payload);
        break;
      case MessageType.dataAmf3:
        this.#describe(streamId, payload.subarray(1));
        break;
      case MessageType.aggregate:
        throw new UploadResponseError('RTMP_PROTOCOL', 'aggregate messages are not taken');
    }
  }

  /** The connection ends with an error. False: nobody has published, and nobody was told of it here. */
  end(error: UploadResponseError): boolean {
    const publication = this.#publication;
    publication?.failWith(error);
    return publication !== undefined;
  }

  failed(publication: Publication, error: UploadResponseError): void {
    this.#link.send(publishFailed(publication.streamId, error));
    this.#forget();
    this.#link.end();
  }

  continues(publication: Publication): void {
    this.#publication = publication;
  }

  started(publication: Publication): void {
    this.#link.publishing(publication.streamId, publication.continuation);
    this.#link.send(publishStarted(publication.streamId));
  }

  stopped(publication: Publication): void {
    this.#link.send(unpublished(publication.streamId));
    this.#forget();
    this.#link.end();
  }

  pause(): void {
    this.#link.pause();
  }

  resume(): void {
    this.#link.resume();
  }

  lend(lane: LentWriter): void {
    this.#link.lend(lane);
  }

  media(): RtmpMedia {
    return this.#link.media();
  }

  drain(): void {
    if (this.idle) this.#link.end();
    else if (this.#reconnects) this.#link.send(reconnectRequest());
  }

  gone(): void {
    const publication = this.#publication;
    this.#forget();
    publication?.gone();
  }

  #forget(): void {
    this.#publication = undefined;
    this.#link.unpublished();
  }

  #command(streamId: number, payload: Buffer): void {
    if (payload.length > MAX_COMMAND_BYTES) {
      throw new UploadResponseError('RTMP_PROTOCOL', `a command of ${payload.length} bytes`);
    }
    const [name, transaction, ...rest] = readAmf0(payload);
    if (typeof name !== 'string')
      throw new UploadResponseError('RTMP_PROTOCOL', 'a nameless command');
    const id = typeof transaction === 'number' ? transaction : 0;
    if (name === 'connect') {
      this.#connect(id, rest[0]);
      return;
    }
    if (this.#app === undefined)
      throw new UploadResponseError('RTMP_PROTOCOL', 'it is not connected');
    switch (name) {
      case 'createStream':
        if (this.#streams === MAX_STREAMS) {
          throw new UploadResponseError('RTMP_PROTOCOL', 'it has too many streams');
        }
        this.#link.send(command(0, '_result', id, null, ++this.#streams));
        break;
      case 'releaseStream':
      case 'FCPublish':
        this.#link.send(command(0, '_result', id, null, null));
        break;
      case 'publish':
        this.#publish(this.#app, streamId, rest[1]);
        break;
      case 'FCUnpublish':
        this.#unpublish(this.#publication?.streamId);
        break;
      case 'closeStream':
        this.#unpublish(streamId);
        break;
      case 'deleteStream':
        this.#unpublish(rest[1]);
        break;
      case 'play':
      case 'play2':
        throw new UploadResponseError('RTMP_PROTOCOL', 'streams cannot be played here');
    }
  }

  #connect(transaction: number, argument: AmfValue | undefined): void {
    if (this.#app !== undefined) {
      throw new UploadResponseError('RTMP_PROTOCOL', 'it is connected already');
    }
    const asked = isObject(argument) ? argument : {};
    const { app } = asked;
    let error: UploadResponseError;
    if (this.#host.draining) error = new UploadResponseError('SHUTTING_DOWN');
    else if (typeof app !== 'string' || app === '') {
      error = new UploadResponseError('RTMP_PROTOCOL', 'no app is named');
    } else {
      if (this.#mayConnect(transaction, app)) {
        this.#app = app;
        this.#reconnects = understandsReconnect(asked);
        this.#link.send(connected(transaction, asked, this.#host.multitrack));
      }
      return;
    }
    this.#host.refused(error);
    this.#link.send(connectRejected(transaction, error));
    this.#link.end();
  }

  /** False: it was told what is missing. */
  #mayConnect(transaction: number, app: string): boolean {
    const verdict = this.#host.users?.check(queryOf(app));
    if (!verdict) return true;
    if ('accepted' in verdict) {
      this.#user = verdict.accepted;
      return true;
    }
    const error = new UploadResponseError('UNAUTHENTICATED');
    if (verdict.failed) this.#host.refused(error);
    this.#link.send(connectRejected(transaction, error, verdict.description));
    this.#link.end();
    return false;
  }

  #publish(app: string, streamId: number, name: AmfValue | undefined): void {
    if (this.#publication) throw new UploadResponseError('RTMP_PROTOCOL', 'it publishes already');
    if (streamId < 1 || streamId > this.#streams) {
      throw new UploadResponseError('RTMP_PROTOCOL', 'it publishes on no stream');
    }
    const text = typeof name === 'string' ? name : '';
    const target = {
      ...targetOf(app, text, this.#peer, this.#peerPort),
      user: this.#user,
      certificate: certificateOf(this.#link.socket as Partial<TLSSocket>),
    };
    let error: UploadResponseError | undefined;
    if (this.#host.draining) error = new UploadResponseError('SHUTTING_DOWN');
    else if (target.key === '') error = new UploadResponseError('RTMP_PROTOCOL', 'no stream key');
    if (error) {
      this.#host.refused(error);
      this.#link.send(publishFailed(streamId, error));
      this.#link.end();
      return;
    }
    const publication = new Publication(this.#host, this, target, streamId);
    this.#publication = publication;
    this.#host.opened(publication);
    this.#link.asked();
    publication.start();
  }

  #unpublish(streamId: AmfValue | undefined): void {
    const publication = this.#publication;
    if (!publication || streamId !== publication.streamId) return;
    this.#forget();
    publication.unpublish();
    this.#link.send(unpublished(publication.streamId));
    if (this.#host.draining) this.#link.end();
    else this.#link.expectPublish();
  }

  #describe(streamId: number, payload: Buffer): void {
    if (payload.length > MAX_COMMAND_BYTES || streamId !== this.#publication?.streamId) return;
    const values = readAmf0(payload);
    if (values[0] === '@setDataFrame') values.shift();
    if (values[0] === 'onMetaData' && isObject(values[1])) {
      this.#publication.describe(asciiJson(values[1]));
    }
  }
}

function isObject(value: AmfValue | undefined): value is AmfObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON that can stand in a header field. */
function asciiJson(value: AmfObject): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
