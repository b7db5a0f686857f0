import type { Action, Caller } from './admission.js';
import { type Authenticator, accountOf, type Identity, subjectOf } from './identity.js';
import { anchored } from './path-pattern.js';
import { Permissions } from './permissions.js';
import type { CertificateConfig } from './schemes-config.js';

/** Knows client certificates by the rules of `auth.certificates`: the first that fits counts. TLS has
 *  verified them against `http.tls.clientCaFile`. */
export class CertificateAuthenticator implements Authenticator {
  readonly #rules: readonly {
    readonly matches: (caller: NonNullable<Caller['certificate']>) => boolean;
    readonly identityOf: (subject: string) => Identity;
  }[];

  /** @throws SyntaxError a subject is no regular expression */
  constructor(rules: readonly CertificateConfig[]) {
    this.#rules = rules.map(({ name, subject, fingerprint256, permissions, ...limits }) => {
      const fits = compileSubject(subject);
      const fingerprint = fingerprint256 && plain(fingerprint256);
      const allowed = new Permissions(permissions);
      return {
        matches: (certificate) =>
          fits(certificate.subject) &&
          (!fingerprint || fingerprint === plain(certificate.fingerprint256)),
        // Streams count by certificate, not by rule: one rule may stand for a whole fleet.
        identityOf: (of) => ({
          subject: `${name}: ${subjectOf(of)}`,
          account: accountOf('certificate', of),
          maxBodyBytes: limits.maxBodyBytes || undefined,
          maxStreams: limits.maxStreams || undefined,
          allows: (action, { path }) => allowed.allow(action, path),
        }),
      };
    });
  }

  identify(_action: Action, { certificate }: Caller): Identity | undefined {
    if (!certificate) return undefined;
    const rule = this.#rules.find(({ matches }) => matches(certificate));
    return rule?.identityOf(certificate.subject);
  }
}

function compileSubject(subject: string | undefined): (of: string) => boolean {
  if (subject === undefined) return () => true;
  if (!subject.startsWith('~')) return (of) => of === subject;
  const regex = anchored(subject.slice(1));
  return (of) => regex.test(of);
}

/** Fingerprints are written with and without colons, in both cases. */
function plain(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}
