import type { Withheld } from './admission.js';

/** A query without these parameters; the others stay as they were written. */
export function withoutParameters(query: string, names: readonly string[]): string {
  if (query === '') return query;
  return query
    .split('&')
    .filter((pair) => !names.includes(nameOf(pair)))
    .join('&');
}

/** A request head without what is withheld of it; the head itself where that is nothing. Names of
 *  fields are in lower case, `path` has the query. */
export function withhold<
  Head extends {
    readonly path: string;
    readonly headers: readonly (readonly [name: string, value: string])[];
  },
>(head: Head, { headers, parameters }: Withheld): Head {
  const mark = head.path.indexOf('?');
  const query = mark < 0 ? '' : head.path.slice(mark + 1);
  const kept = withoutParameters(query, parameters);
  const path = head.path.slice(0, mark) + (kept === '' ? '' : `?${kept}`);
  const fields = head.headers.filter(([name]) => !headers.includes(name));
  if (kept === query && fields.length === head.headers.length) return head;
  return { ...head, path: kept === query ? head.path : path, headers: fields };
}

/** The name of `name=value`, decoded as URLSearchParams decodes it. */
function nameOf(pair: string): string {
  const equals = pair.indexOf('=');
  const name = equals < 0 ? pair : pair.slice(0, equals);
  if (!/[%+]/.test(name)) return name;
  for (const [decoded] of new URLSearchParams(name)) return decoded;
  return '';
}
