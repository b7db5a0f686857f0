import { z } from 'zod';

const port = (preset: number, what: string) =>
  z.int().min(0).max(65_535).default(preset).describe(what);

const host = (what: string) => z.string().min(1).optional().describe(what);

/** From when on a change of a running server's configuration counts. */
const reload = 'new connections';

const path = (what: string) =>
  z
    .string()
    .min(1)
    .meta({
      ...{ path: true, accepted: 'the path of a PEM file', reload },
      description: what,
    });

const duration = (what: string, preset: number) =>
  z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .default(preset)
    .describe(what);

const clientCertificates = z
  .enum(['none', 'optional', 'required'])
  .default('none')
  .describe(
    'Whether clients are asked for a certificate. `optional`: one that cannot be verified counts as ' +
      'none. `required`: the handshake fails without a good one.',
  );

const tlsSchema = (preset: number, portText: string) =>
  z.strictObject({
    host: host('Address to listen on; the plain one without it.'),
    port: port(preset, portText),
    certFile: path('Certificate chain, PEM.'),
    keyFile: path('Private key, PEM.'),
    passphrase: z
      .string()
      .optional()
      .meta({ secret: true, reload, description: 'Passphrase of the private key.' }),
    minVersion: z
      .enum(['TLSv1.2', 'TLSv1.3'])
      .default('TLSv1.2')
      .meta({ reload, description: 'Oldest TLS version.' }),
    clientCaFile: path('Certificates that may have signed those of clients, PEM.').optional(),
    clientCertificates,
  });

/** A TLS listener of any transport. `preset`: its port, which `portText` describes. */
export const tlsListenerSchema = (preset: number, portText: string) =>
  tlsSchema(preset, portText).superRefine(
    ({ clientCaFile, clientCertificates: asked }, context) => {
      if (clientCaFile !== undefined || asked === 'none') return;
      // Without it every authority that the machine trusts could make clients.
      const message =
        'is missing; accepted: the authorities of the clients, since certificates are asked for';
      context.addIssue({ code: 'custom', path: ['clientCaFile'], message });
    },
  );

const h2c = z.strictObject({
  host: host('Address to listen on; the plain one without it.'),
  port: port(8081, 'Port of HTTP/2 without TLS, by prior knowledge; 0 takes a free one.'),
});

/** Configuration of the TCP listeners that HTTP/1.1, HTTP/2 and WebSocket share. */
export const httpConfigSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
  port: port(8080, 'Plain port of HTTP/1.1 and WebSocket; 0 takes a free one.'),
  plain: z.boolean().default(true).describe('Listen without TLS too.'),
  tls: tlsListenerSchema(8443, 'TLS port; 0 takes a free one.')
    .optional()
    .describe('Listen with TLS: HTTP/1.1, HTTP/2 and WebSocket on one port.'),
  h2c: h2c.optional().describe('Listen for HTTP/2 without TLS on a port of its own.'),
  prefix: z
    .string()
    .regex(/^\/(?:[A-Za-z0-9._~-]+(?:\/[A-Za-z0-9._~-]+)*)?$/)
    .default('/upload')
    .meta({
      accepted: 'a path without a slash at its end, such as /upload',
      description: 'Requests to this path and below it become streams, over every version of HTTP.',
    }),
  maxHeadBytes: z
    .int()
    .min(1024)
    .max(2 ** 20)
    .default(16_384)
    .describe('Largest request head; a larger one is answered 431.'),
  headTimeoutMs: duration(
    'A request head, or a TLS handshake, must be complete after this time; a head: else 408.',
    30_000,
  ),
  keepAliveTimeoutMs: duration('An idle connection is closed after this time.', 5000),
  maxConnections: z
    .int()
    .min(0)
    .default(0)
    .describe('Connections at once, of each listener; more are closed at once. 0: no limit.')
    .meta({ reload }),
});

/** See `httpConfigSchema` for what each one means. */
export type HttpConfig = z.output<typeof httpConfigSchema>;
