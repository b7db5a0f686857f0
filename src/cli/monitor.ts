import { UploadResponseError } from '../errors/index.js';
import { Segment, WorkerRole } from '../ring/index.js';

/** Attaches read-only and without a row: nobody waits for a monitor, and nothing is changed.
 *  @throws UploadResponseError SERVER_GONE and other reasons, with the socket's path */
export async function attachMonitor(socket: string): Promise<Segment> {
  try {
    const options = {
      socket,
      name: 'monitor',
      role: WorkerRole.monitor,
      observer: '',
      capacity: 0,
    };
    const segment = await Segment.attach(options);
    segment.native.setRef(false);
    return segment;
  } catch (error) {
    if (error instanceof UploadResponseError && !error.message.includes(socket)) {
      throw new UploadResponseError(error.code, socket, { cause: error });
    }
    throw error;
  }
}
