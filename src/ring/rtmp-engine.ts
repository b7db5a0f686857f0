import { fromNative } from '../errors/index.js';
import { loadAddon, type NativeRtmpEngine, type NativeRtmpReceiver } from '../native/index.js';

export type {
  NativeRtmpEngine as RtmpEngine,
  NativeRtmpReceiver as RtmpReceiver,
  RtmpContinuation,
  RtmpMedia,
  RtmpNotice,
  RtmpTrackRecord,
} from '../native/index.js';

/** The parser of one connection. `maxMessageBytes`: one message, and all that are not whole. `windowBytes`:
 *  after so many an acknowledgement is due, until the client names another number. `multitrack`: a
 *  publication may have several tracks of video and of audio. */
export function newRtmpReceiver(
  maxMessageBytes: number,
  windowBytes: number,
  multitrack = false,
): NativeRtmpReceiver {
  const { RtmpReceiver } = loadAddon();
  return new RtmpReceiver(maxMessageBytes, windowBytes, multitrack);
}

/** Starts the thread that reads plain sockets; `wake` is called when sockets are ready. Undefined: there is
 *  none for this platform, and sockets have to be read here. @throws UploadResponseError SYSTEM */
export function startRtmpEngine(wake: () => void): NativeRtmpEngine | undefined {
  const { RtmpEngine } = loadAddon();
  try {
    return RtmpEngine && new RtmpEngine(wake);
  } catch (error) {
    throw fromNative(error);
  }
}
