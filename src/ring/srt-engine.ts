import { fromNative, UploadResponseError } from '../errors/index.js';
import { loadAddon, type NativeSrt } from '../native/index.js';

export type {
  NativeSrt as SrtEngine,
  SrtCaller,
  SrtCredentials,
  SrtEvent,
  SrtListenOptions,
  SrtMedia,
} from '../native/index.js';

/** Starts an SRT engine; `wake` is called when events wait to be taken.
 *  @throws UploadResponseError SRT_UNAVAILABLE, NATIVE_UNAVAILABLE */
export function startSrtEngine(wake: () => void): NativeSrt {
  const { Srt } = loadAddon();
  if (!Srt) throw notBuilt();
  try {
    return new Srt(wake);
  } catch (error) {
    throw fromNative(error);
  }
}

/** What keeps SRT from being served by so many server processes; undefined: nothing. */
export function srtProblem(processes: number): UploadResponseError | undefined {
  try {
    if (!loadAddon().Srt) return notBuilt();
  } catch (error) {
    return fromNative(error);
  }
  if (processes === 1) return undefined;
  return new UploadResponseError('SRT_UNAVAILABLE', 'server.processes is more than 1');
}

function notBuilt(): UploadResponseError {
  return new UploadResponseError('SRT_UNAVAILABLE', 'the native binary was built without libsrt');
}
