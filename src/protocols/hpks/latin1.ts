type Slice = (this: Uint8Array, start: number, end: number) => string;
type Write = (this: Uint8Array, text: string, offset: number, length: number) => number;

// They work on any Uint8Array, and save making a Buffer of each. TextDecoder is no replacement: its
// "latin1" is windows-1252.
const { latin1Slice, latin1Write } = (typeof Buffer === 'undefined'
  ? {}
  : Buffer.prototype) as unknown as { latin1Slice?: Slice; latin1Write?: Write };

/** One char per byte of `bytes[start..end)`. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return (latin1Slice ?? portableSlice).call(bytes, start, end);
}

/** Writes one byte per char of `text`, whose chars are all below 256, to `target` from `at` on. */
export function putLatin1(target: Uint8Array, at: number, text: string): void {
  if (latin1Write) latin1Write.call(target, text, at, text.length);
  else
    for (let index = 0; index < text.length; index++) target[at + index] = text.charCodeAt(index);
}

/** `latin1` where there is no Buffer. */
export function portableSlice(this: Uint8Array, start: number, end: number): string {
  let text = '';
  // fromCharCode takes its chars as arguments, which live on the stack.
  for (let at = start; at < end; at += 4096) {
    text += String.fromCharCode(...this.subarray(at, Math.min(at + 4096, end)));
  }
  return text;
}
