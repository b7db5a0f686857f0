import type { Caller } from './admission.js';

/** What a caller showed, taken out of where its protocol carries it. Secrets. */
export interface Credentials {
  /** Tokens in the order in which they count. */
  readonly tokens: readonly string[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Something was shown. */
  readonly any: boolean;
}

/** RFC 6750 section 2.1 and RFC 7617 section 2: the scheme has no case. */
const SCHEME = /^(bearer|basic) +([A-Za-z0-9._~+/=-]+) *$/i;

/** `tokenParameter`: name of the query parameter that may hold a token; '' for none. */
export function credentialsOf(caller: Caller, tokenParameter: string): Credentials {
  const tokens: string[] = [];
  let { user, password } = caller;
  const match = caller.authorization === undefined ? null : SCHEME.exec(caller.authorization);
  if (match) {
    const [, scheme = '', value = ''] = match;
    if (scheme.toLowerCase() === 'bearer') tokens.push(value);
    else [user, password] = userAndPassword(value);
  }
  if (caller.streamKey) tokens.push(caller.streamKey);
  if (tokenParameter !== '' && caller.query !== '') {
    const parameter = new URLSearchParams(caller.query).get(tokenParameter);
    if (parameter) tokens.push(parameter);
  }
  // As MediaMTX has it: what can only send a user and a password sends the token as password.
  if (password) tokens.push(password);
  const any = tokens.length > 0 || Boolean(user) || caller.authorization !== undefined;
  return { tokens, user, password, any };
}

function userAndPassword(base64: string): [string | undefined, string | undefined] {
  const text = Buffer.from(base64, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? [undefined, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
}
