import { BlockList, isIP, isIPv6 } from 'node:net';
import type { Caller } from './admission.js';
import { plainAddress } from './peers.js';

/** Longest prefixes of the two kinds of addresses. */
const BITS = { ipv4: 32, ipv6: 128 } as const;

/** An address, or a network as `address/bits`. */
export function parseNetwork(
  text: string,
):
  | { readonly address: string; readonly bits: number; readonly family: keyof typeof BITS }
  | undefined {
  const [address = '', suffix, ...more] = text.split('/');
  if (more.length > 0 || isIP(address) === 0) return undefined;
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const bits = suffix === undefined ? BITS[family] : Number(suffix);
  const valid = suffix === undefined || (/^\d{1,3}$/.test(suffix) && bits <= BITS[family]);
  return valid ? { address, bits, family } : undefined;
}

/** The proxies whose word on who sent a request counts: those of `auth.trustedProxies`. */
export class Proxies {
  readonly #trusted = new BlockList();
  readonly #none: boolean;

  /** `networks`: what `parseNetwork` understands. */
  constructor(networks: readonly string[]) {
    this.#none = networks.length === 0;
    for (const text of networks) {
      const network = parseNetwork(text);
      if (network) this.#trusted.addSubnet(network.address, network.bits, network.family);
    }
  }

  trusts(address: string): boolean {
    if (this.#none) return false;
    const plain = plainAddress(address);
    return isIP(plain) !== 0 && this.#trusted.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
  }

  /**
   * The address of whoever sent a request: the last one of `X-Forwarded-For` that no trusted proxy has.
   * What comes before it anybody can have written.
   */
  peerOf({ peer, forwardedFor }: Pick<Caller, 'peer' | 'forwardedFor'>): string {
    let found = plainAddress(peer);
    if (!forwardedFor || !this.trusts(found)) return found;
    const hops = forwardedFor.split(',');
    for (let hop = hops.pop(); hop !== undefined && this.trusts(found); hop = hops.pop()) {
      const address = plainAddress(hop.trim());
      if (isIP(address) === 0) break;
      found = address;
    }
    return found;
  }
}
