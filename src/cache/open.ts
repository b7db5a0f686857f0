import type { SegmentOptions } from '../native/index.js';
import { Segment, WorkerRole } from '../ring/index.js';
import { defaultSocketPath } from '../ring/socket-path.js';
import { ChunkCache } from './chunk-cache.js';

export interface CacheOptions {
  /** Path of the control socket. Default: `UR_SOCKET`, else the server's own default. */
  readonly socket?: string | undefined;
  /** What `top` and metrics call this process. Default: `cache-<pid>`. */
  readonly name?: string | undefined;
}

/**
 * Creates a segment of one's own, without the server's transports.
 * @throws UploadResponseError OUT_OF_MEMORY, INVALID_GEOMETRY, SOCKET_IN_USE, INVALID_SOCKET_PATH
 */
export function createChunkCache(options: CacheOptions & SegmentOptions): ChunkCache {
  return new ChunkCache(Segment.create({ ...options, ...resolve(options) }));
}

/** Attaches to the segment of a running server. Rejects with SERVER_GONE, NO_FREE_WORKER ... */
export async function attachChunkCache(options: CacheOptions = {}): Promise<ChunkCache> {
  const { responder: role } = WorkerRole;
  const attach = { ...resolve(options), role, observer: '', capacity: 0 };
  return new ChunkCache(await Segment.attach(attach));
}

function resolve({ socket, name }: CacheOptions) {
  return { socket: socket ?? defaultSocketPath(), name: name ?? `cache-${process.pid}` };
}
