import { generate } from 'selfsigned';

/** Certificate and private key, PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

const ALGORITHM = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;
const PAST = { notBeforeDate: new Date(2020, 0, 1), notAfterDate: new Date(2021, 0, 1) };

/** An authority that signs certificates. */
export async function authority(): Promise<Pair> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'authority' }], {
    ...ALGORITHM,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
  return { cert, key };
}

/** A certificate for `commonName`, signed by `ca`. */
export async function certify(
  ca: Pair,
  commonName: string,
  more: { readonly organization?: string; readonly expired?: boolean } = {},
): Promise<Pair> {
  const { organization: value, expired } = more;
  const name = [{ name: 'commonName', value: commonName }];
  if (value !== undefined) name.unshift({ name: 'organizationName', value });
  const { cert, private: key } = await generate(name, { ...ALGORITHM, ca, ...(expired && PAST) });
  return { cert, key };
}
