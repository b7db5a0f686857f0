import type { Header } from '../protocols/hpks/index.js';

/** Fields that belong to one connection and never travel through a stream (RFC 9110, 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** Fields that change the meaning of what came before them (RFC 9110, 6.5.1): never as trailers. */
const NOT_AS_TRAILER = new Set([
  ...HOP_BY_HOP,
  'age',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'expires',
  'host',
  'location',
  'max-forwards',
  'pragma',
  'range',
  'retry-after',
  'set-cookie',
  'trailer',
  'vary',
  'www-authenticate',
]);

/** The fields that travel, names in lower case: without hop-by-hop fields, those that `Connection`
 *  names, and `except`. Order and duplicates are kept. */
export function endToEndHeaders(list: readonly Header[], except?: string): Header[] {
  const named = connectionOptions(list);
  const kept: Header[] = [];
  for (const [name, value] of list) {
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || lower === except || named?.has(lower)) continue;
    kept.push([lower, value]);
  }
  return kept;
}

/** The fields of a trailer section that may travel, names in lower case. */
export function trailerFields(list: readonly Header[]): Header[] {
  const kept: Header[] = [];
  for (const [name, value] of list) {
    const lower = name.toLowerCase();
    if (!NOT_AS_TRAILER.has(lower)) kept.push([lower, value]);
  }
  return kept;
}

/** A Content-Length's number, or undefined when it is none that can be counted to. */
export function parseContentLength(value: string): number | undefined {
  return /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

function connectionOptions(list: readonly Header[]): Set<string> | undefined {
  let named: Set<string> | undefined;
  for (const [name, value] of list) {
    if (name.toLowerCase() !== 'connection') continue;
    named ??= new Set();
    for (const option of value.split(',')) named.add(option.trim().toLowerCase());
  }
  // The length frames the body of what follows: naming it in Connection must not hide it.
  named?.delete('content-length');
  return named;
}
