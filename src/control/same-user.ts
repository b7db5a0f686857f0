import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { UploadResponseError } from '../errors/index.js';

/** A connection's end as /proc/net/tcp and tcp6 write it. */
const ESTABLISHED = '01';
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];

const known = new WeakMap<object, Promise<void>>();

/** The part of a socket that says which connection it is. */
type Ends = Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>;

/**
 * Lets those requests pass that a process of this process's user, or of root, has sent over loopback:
 * the same that the control socket lets in. Once for each connection.
 * @throws UploadResponseError FORBIDDEN
 */
export function expectSameUser(socket: Ends): Promise<void> {
  let answer = known.get(socket);
  if (!answer) {
    answer = checkOwner(socket);
    known.set(socket, answer);
  }
  return answer;
}

async function checkOwner(socket: Ends): Promise<void> {
  const owner = await ownerOf(socket);
  if (owner === undefined) {
    throw new UploadResponseError('FORBIDDEN', 'who asks is not known; configure auth');
  }
  if (owner !== 0 && owner !== process.geteuid?.()) {
    throw new UploadResponseError('FORBIDDEN', 'another user of this machine asks; configure auth');
  }
}

/** User of the process at the other end of a connection over loopback. Undefined where the kernel does
 *  not say: of one that has closed its end it would say 0. */
async function ownerOf(ends: Ends): Promise<number | undefined> {
  const theirs = hexEnds(ends.remoteAddress, ends.remotePort);
  const ours = hexEnds(ends.localAddress, ends.localPort);
  for (const path of TABLES) {
    const table = await readFile(path, 'latin1').catch(() => '');
    for (const line of table.split('\n')) {
      const [, local = '', remote = '', state, , , , user] = line.trim().split(/\s+/);
      if (state === ESTABLISHED && theirs.includes(local) && ours.includes(remote)) {
        return Number(user);
      }
    }
  }
  return undefined;
}

/** An end in the forms that it may have: an IPv4 address may be written as one of IPv6. */
function hexEnds(address: string | undefined, port: number | undefined): string[] {
  const suffix = `:${(port ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
  const plain = (address ?? '').replace(/^::ffff:/i, '');
  if (plain === '::1') return [`${'0'.repeat(24)}01000000${suffix}`];
  const four = Buffer.from(plain.split('.').map(Number)).reverse();
  if (four.length !== 4) return [];
  // Each 32 bits are a number of the machine's byte order, which is little-endian.
  const word = four.toString('hex').toUpperCase();
  return [`${word}${suffix}`, `0000000000000000FFFF0000${word}${suffix}`];
}
