import { z } from 'zod';
import { ACTIONS } from './admission.js';
import { parseNetwork } from './proxies.js';
import {
  callbackSchema,
  certificateSchema,
  jwtSchema,
  signingKeySchema,
  tokenSchema,
} from './schemes-config.js';

const NO_NETWORK = 'is no IP address and no network such as 10.0.0.0/8';

/** Configuration of who may do what. */
export const authConfigSchema = z
  .strictObject({
    anonymous: z
      .array(z.enum(ACTIONS))
      .default([])
      .describe(
        'Actions that callers without credentials may do, on every path. Without any way to ' +
          'authenticate, everything is allowed, and only loopback addresses are listened on.',
      ),
    tokenParameter: z
      .string()
      .regex(/^[A-Za-z0-9_-]*$/)
      .default('token')
      .meta({
        accepted: 'a name of letters, digits, dashes and underscores, or nothing',
        description:
          'Query parameter that may hold a token, for clients that can send no field. ' +
          'Nothing: none.',
      }),
    trustedProxies: z
      .array(
        z
          .string()
          .refine((text) => parseNetwork(text) !== undefined, NO_NETWORK)
          .meta({
            accepted: 'an IP address or a network such as 10.0.0.0/8',
          }),
      )
      .default([])
      .describe(
        'Reverse proxies whose `X-Forwarded-For` says who sends a request. Nobody else is believed.',
      ),
    forwardCredentials: z
      .boolean()
      .default(false)
      .describe(
        'Workers see `Authorization` and the query parameters of tokens and signatures. Without ' +
          'any way to authenticate they always do.',
      ),
    tokens: z.array(tokenSchema).default([]).describe('Tokens that are known here.'),
    jwt: jwtSchema.optional().describe('Tokens that somebody else has signed: JWT with a key set.'),
    signedUrls: z
      .strictObject({
        keys: z
          .array(signingKeySchema)
          .default([])
          .describe('Keys that sign upload URLs; several while one takes the place of another.'),
      })
      .prefault({}),
    certificates: z
      .array(certificateSchema)
      .default([])
      .describe(
        'Rules for client certificates (http.tls.clientCertificates, or that of transports.tcp.tls); ' +
          'the first counts.',
      ),
    callback: callbackSchema
      .optional()
      .describe('Somebody else who decides, where nothing else here knows the caller.'),
  })
  .superRefine(({ jwt: one, tokens, certificates, signedUrls }, context) => {
    const issue = (at: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path: at, message });
    if (one && (one.jwksFile === undefined) === (one.jwksUrl === undefined)) {
      issue(['jwt'], 'accepted: one of jwksFile and jwksUrl');
    }
    unique(tokens, 'name', (at, text) => issue(['tokens', at, 'name'], text));
    unique(tokens, 'hash', (at) =>
      issue(['tokens', at, 'hash'], 'is that of another token; accepted: one for each'),
    );
    unique(certificates, 'name', (at, text) => issue(['certificates', at, 'name'], text));
    unique(signedUrls.keys, 'id', (at, text) => issue(['signedUrls', 'keys', at, 'id'], text));
  });

function unique<Key extends string>(
  list: readonly { readonly [One in Key]: string }[],
  key: Key,
  report: (index: number, message: string) => void,
): void {
  const seen = new Set<string>();
  list.forEach((one, index) => {
    if (seen.has(one[key])) report(index, `two are "${one[key]}"; accepted: one that no other has`);
    seen.add(one[key]);
  });
}

/** See `authConfigSchema` for what each one means. */
export type AuthConfig = z.output<typeof authConfigSchema>;

/** Whether there is any way to say who one is, or what strangers may do. */
export function isAuthConfigured(config: AuthConfig): boolean {
  return config.anonymous.length > 0 || hasAuthenticator(config);
}

/** Whether there is any way to say who one is. */
export function hasAuthenticator(config: AuthConfig): boolean {
  const { tokens, jwt: one, signedUrls, certificates, callback: asked } = config;
  const lists = [tokens, signedUrls.keys, certificates];
  return lists.some((list) => list.length > 0) || one !== undefined || asked !== undefined;
}
