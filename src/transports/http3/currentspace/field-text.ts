import type { Header } from '../../../protocols/hpks/index.js';
import type { NativeField } from './native-api.js';

const ASCII = /^[\0-\x7f]*$/;

/** The engine's fields are UTF-8 (bytes that are none it replaces); heads here have a byte in a char. */
export function fromNativeFields(fields: readonly NativeField[]): Header[] {
  return fields.map(({ name, value }) => [toLatin1(name), toLatin1(value)]);
}

export function toNativeFields(fields: readonly Header[]): NativeField[] {
  return fields.map(([name, value]) => ({ name, value: toUtf8(value) }));
}

function toLatin1(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

function toUtf8(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text, 'latin1').toString('utf8');
}
