/** Configuration of the ways to authenticate, one schema each. */

import { z } from 'zod';
import { ACTIONS } from './admission.js';
import { anchored, compilePath } from './path-pattern.js';
import { TOKEN_HASH_PATTERN } from './token-hash.js';

const compiles = (compile: (text: string) => unknown) => (text: string) => {
  try {
    compile(text);
    return true;
  } catch {
    return false;
  }
};
const isPathPattern = compiles(compilePath);
const isSubject = compiles((text) => text.startsWith('~') && anchored(text.slice(1)));

const A_NAME = 'a name of 1 to 63 letters, digits, dots, dashes, underscores and @';

const name = (what: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$/, `accepted: ${A_NAME}`)
    .meta({ accepted: A_NAME, description: what });

const path = (what: string) =>
  z
    .string()
    .min(1)
    .optional()
    .meta({ path: true, accepted: 'the path of a file', description: what });

const webAddress = (what: string) =>
  z
    .string()
    .refine((text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      return /^https?:$/.test(url?.protocol ?? '') && !url?.username && !url?.password;
    }, 'is no http:// or https:// URL without user and password')
    .meta({
      accepted: 'an http:// or https:// URL without user and password',
      description: what,
    });

const duration = (what: string, preset: number, least = 0) =>
  z
    .int()
    .min(least)
    .max(2 ** 31 - 1)
    .default(preset)
    .describe(what);

const NO_PATTERN =
  'is no path pattern; accepted: nothing or * for every path, /a/b, /a/*, or ~ and a regular ' +
  'expression';

const permission = z.strictObject({
  action: z.enum(ACTIONS).describe('What may be done.'),
  path: z
    .string()
    .refine(isPathPattern, NO_PATTERN)
    .default('')
    .meta({
      accepted: 'nothing or `*` for every path, `/a/b`, `/a/*`, or `~` and a regular expression',
      description:
        'Where; a regular expression must match the whole path. Paths with `.` or `..` as a segment, ' +
        'however they are written, need a permission for every path.',
    }),
});

const permissions = z
  .array(permission)
  .default([{ action: 'publish', path: '' }])
  .describe('What is allowed; everything else is forbidden.');

const caps = {
  maxBodyBytes: z
    .int()
    .min(0)
    .default(0)
    .describe('Largest request body. 0: only `limits.maxBodyBytes`.'),
  maxStreams: z
    .int()
    .min(0)
    .default(0)
    .describe('Streams at once. 0: `limits.maxStreamsPerSubject`.'),
};

export const tokenSchema = z.strictObject({
  name: name('Name of whoever has the token, for logs; the user where a protocol has users.'),
  hash: z.string().regex(TOKEN_HASH_PATTERN).meta({
    secret: true,
    accepted: 'what `upload-response token create` or `token hash` prints',
    description: 'Hash of the token; the token itself is stored nowhere.',
  }),
  permissions,
  ...caps,
});

export const certificateSchema = z.strictObject({
  name: name('Name of the rule, for logs.'),
  subject: z.string().min(1).refine(isSubject, 'is no regular expression').optional().meta({
    accepted: 'a subject such as `O=Example,CN=camera 7`, or `~` and a regular expression',
    description: 'Subject of the certificate, in its order. Without it: every subject.',
  }),
  fingerprint256: z
    .string()
    .regex(/^(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/)
    .optional()
    .meta({
      accepted: '64 hexadecimal digits, with or without colons',
      description: 'SHA-256 fingerprint of the certificate. Without it: every certificate.',
    }),
  permissions,
  ...caps,
});

/** Only algorithms with public keys: with a key set that everybody can read, HMAC would let everybody
 *  sign (RFC 8725 section 3.1). */
export const JWT_ALGORITHMS = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const),
] as const;

export const jwtSchema = z.strictObject({
  jwksFile: path('File with the key set (JWKS); it is read at start.'),
  jwksUrl: webAddress('Where the key set is fetched from, when it is first needed.').optional(),
  issuer: z.string().min(1).describe('What `iss` must be.'),
  audience: z.string().min(1).describe('What `aud` must be, or hold.'),
  algorithms: z
    .array(z.enum(JWT_ALGORITHMS))
    .min(1)
    .default([...JWT_ALGORITHMS])
    .describe('Signature algorithms that count.'),
  clockToleranceMs: duration('How far clocks may be apart for `exp` and `nbf`.', 5000),
  permissionsClaim: z
    .string()
    .min(1)
    .default('permissions')
    .describe('Claim with the permissions: a list of `{action, path}`, as in `auth.tokens`.'),
  jwksMaxAgeMs: duration('A fetched key set is fetched anew after this time.', 600_000, 1000),
  jwksStaleMs: duration(
    'While the key set cannot be fetched, the last one counts for this time beyond its age.',
    3_600_000,
  ),
  jwksCooldownMs: duration(
    'Least time between two fetches because a key is unknown, or because the last one failed.',
    30_000,
  ),
  jwksTimeoutMs: duration('Time that fetching the key set may take.', 5000, 1),
  cacheMs: duration('A token that was found valid is not verified again for this time.', 60_000),
});

const A_SECRET = 'at least 32 characters that nobody can guess';

export const signingKeySchema = z.strictObject({
  id: name('Id of the key: it stands in the URL.'),
  secret: z.string().min(32, `accepted: ${A_SECRET}`).meta({
    secret: true,
    accepted: A_SECRET,
    description: 'The secret, as the text that it is.',
  }),
});

export const callbackSchema = z.strictObject({
  url: webAddress('Gets a POST with `{ip, user, password, token, action, path, ...}`; 2xx allows.'),
  authorization: z
    .string()
    .optional()
    .meta({ secret: true, description: '`Authorization` field of the POST.' }),
  timeoutMs: duration('Time for the answer; without one nobody is let in.', 5000, 1),
  cacheMs: duration('The same question is not asked again for this time. 0: always ask.', 0),
  maxWaiting: z.int().min(1).default(256).describe('Questions under way; one more is refused 503.'),
});

/** See the schemas for what each one means. */
export type TokenConfig = z.output<typeof tokenSchema>;
export type CertificateConfig = z.output<typeof certificateSchema>;
export type JwtConfig = z.output<typeof jwtSchema>;
export type SigningKeyConfig = z.output<typeof signingKeySchema>;
export type CallbackConfig = z.output<typeof callbackSchema>;
