import { readFileSync } from 'node:fs';

/** The largest buffer that the kernel gives a UDP socket, in bytes; undefined where it does not say. */
export function udpBufferLimit(): number | undefined {
  try {
    return Number(readFileSync('/proc/sys/net/core/rmem_max', 'utf8'));
  } catch {
    // Not Linux, or a container that does not show it.
    return undefined;
  }
}
