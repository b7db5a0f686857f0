import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Caller } from '../../admission/index.js';
import { certificateOf } from '../../http/index.js';
import { hostPort } from '../../protocols/address.js';
import type { RequestHead } from '../../protocols/hpks/index.js';

const PATH = '/tcp';

/** The head that the workers see: wire format of the origin. */
export function headOf({ remoteAddress = '', remotePort = 0 }: Socket): RequestHead {
  const address = hostPort(remoteAddress, remotePort);
  return {
    kind: 'request',
    version: 1,
    method: 'POST',
    path: PATH,
    headers: [['x-peer-addr', address]],
  };
}

/** Who sends it, as admission wants it. */
export function callerOf(transport: string, socket: Socket, token: string | undefined): Caller {
  return {
    transport,
    peer: socket.remoteAddress ?? '',
    method: 'POST',
    path: PATH,
    query: '',
    streamKey: token,
    certificate: certificateOf(socket as Partial<TLSSocket>),
  };
}
