import { isIPv6 } from 'node:net';

/**
 * What counts as one peer: an IPv4 address, or the /64 of an IPv6 address, since whoever has one address
 * of it has them all (RFC 6177 section 2). IPv4 mapped into IPv6 is IPv4.
 */
export function peerKey(address: string): string {
  const plain = plainAddress(address);
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const front = groupsOf(head);
  const back = groupsOf(tail ?? '');
  // `::` stands for as many zeros as are missing.
  const zeros = new Array<number>(Math.max(0, 8 - front.length - back.length)).fill(0);
  const network = [...front, ...zeros, ...back].slice(0, 4);
  return `${network.map((group) => group.toString(16)).join(':')}::/64`;
}

/** An address without its zone; IPv4 that is mapped into IPv6 as IPv4. */
export function plainAddress(address: string): string {
  if (!address.includes(':')) return address;
  const zone = address.indexOf('%');
  const plain = zone < 0 ? address : address.slice(0, zone);
  return /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(plain)?.[1] ?? plain;
}

/** The 16-bit groups of a part of an address; a dotted IPv4 address at its end counts as two, whose
 *  value does not matter here. */
function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text
    .split(':')
    .flatMap((part) => (part.includes('.') ? [0, 0] : [Number.parseInt(part, 16)]));
}

/** So much in a second on average, and at most `burst` at once. */
export class TokenBucket {
  #tokens: number;
  #at: number;

  constructor(
    readonly perSecond: number,
    readonly burst: number,
    now: number,
  ) {
    this.#tokens = burst;
    this.#at = now;
  }

  /** Takes one; 0, or the milliseconds until there is one. */
  take(now: number): number {
    const wait = this.wait(now);
    if (wait === 0) this.#tokens--;
    return wait;
  }

  /** 0 while one is there, or the milliseconds until there is one. */
  wait(now: number): number {
    this.#refill(now);
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.perSecond) * 1000);
  }

  /** As good as new: it can be forgotten. */
  full(now: number): boolean {
    this.#refill(now);
    return this.#tokens >= this.burst;
  }

  #refill(now: number): void {
    const seconds = Math.max(0, now - this.#at) / 1000;
    this.#at = now;
    this.#tokens = Math.min(this.burst, this.#tokens + seconds * this.perSecond);
  }
}
