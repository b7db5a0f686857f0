/** Tells clients other addresses in place of this machine's own: `addresses`, with the same ports.
 *  Candidates that are not of this machine's sockets (STUN, TURN) stay. */
export function withHostCandidates(sdp: string, addresses: readonly string[]): string {
  if (addresses.length === 0) return sdp;
  const written = new Set<string>();
  const lines = sdp.split('\r\n').flatMap((line) => {
    const match = /^a=candidate:\S+ (\d) (\S+) (\d+) \S+ (\d+) typ host(.*)$/.exec(line);
    if (!match) return [line];
    const [, component, protocol, priority, port, rest] = match;
    return addresses.flatMap((address, index) => {
      const key = `${component} ${protocol} ${address} ${port}`;
      if (written.has(key)) return [];
      written.add(key);
      const foundation = `h${index + 1}`;
      const end = `${priority} ${address} ${port} typ host${rest}`;
      return [`a=candidate:${foundation} ${component} ${protocol} ${end}`];
    });
  });
  return lines.join('\r\n');
}
