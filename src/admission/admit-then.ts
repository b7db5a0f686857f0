import { fromNative, type UploadResponseError } from '../errors/index.js';
import type { Action, Admission, Caller, Permit } from './admission.js';

/**
 * Asks for a permit and calls one of the two, once: before it returns where nothing outside the process
 * has to be asked. Otherwise it returns what to call when the caller leaves meanwhile: then neither is
 * called, and a permit that still comes is released.
 * `onPermit` owns the permit. If it throws, the permit is released and `onRefused` is told.
 */
export function admitThen(
  admission: Admission,
  action: Action,
  caller: Caller,
  onPermit: (permit: Permit) => void,
  onRefused: (error: UploadResponseError) => void,
): (() => void) | undefined {
  const granted = (permit: Permit): void => {
    try {
      onPermit(permit);
    } catch (error) {
      permit.release();
      onRefused(fromNative(error));
    }
  };
  let answer: Permit | Promise<Permit>;
  try {
    answer = admission.admit(action, caller);
  } catch (error) {
    onRefused(fromNative(error));
    return undefined;
  }
  if (!(answer instanceof Promise)) {
    granted(answer);
    return undefined;
  }
  let left = false;
  answer.then(
    (permit) => (left ? permit.release() : granted(permit)),
    (error) => {
      if (!left) onRefused(fromNative(error));
    },
  );
  return () => {
    left = true;
  };
}
