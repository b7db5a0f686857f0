import type { Caller } from '../../admission/index.js';
import { hostPort } from '../../protocols/address.js';
import type { Header, RequestHead } from '../../protocols/hpks/index.js';
import { inPath } from '../../protocols/path.js';
import type { SrtCaller } from '../../ring/srt-engine.js';

/** The head that the workers see: wire format of the origin, and the length where it was declared. */
export function headOf({ streamId, length, peer, peerPort }: SrtCaller): RequestHead {
  const address = hostPort(peer, peerPort);
  const headers: Header[] = [
    ['x-srt-stream-id', Buffer.from(streamId).toString('latin1')],
    ['x-peer-addr', address],
  ];
  if (length !== undefined) headers.push(['content-length', String(length)]);
  return {
    kind: 'request',
    version: 1,
    method: 'POST',
    path: `/srt/${inPath(streamId)}`,
    headers,
  };
}

/** Who sends it, as admission wants it: the path is that of the resource. */
export function callerOf(transport: string, caller: SrtCaller): Caller {
  const { peer, resource, user, password, token, length } = caller;
  return {
    transport,
    peer,
    method: 'POST',
    path: `/srt/${inPath(resource)}`,
    query: '',
    user: user || undefined,
    password: password || undefined,
    streamKey: token || undefined,
    contentLength: length,
  };
}
