import { generate } from 'selfsigned';

/** Certificate and private key, PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

const ALGORITHM = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;

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
export async function certify(ca: Pair, commonName: string): Promise<Pair> {
  const name = [{ name: 'commonName', value: commonName }];
  const { cert, private: key } = await generate(name, { ...ALGORITHM, ca });
  return { cert, key };
}
