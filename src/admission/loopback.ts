/** Whether only this machine can reach what listens there, or be who comes from there. Names other than
 *  `localhost` may resolve to anything. */
export function isLoopback(host: string): boolean {
  const plain = host.replace(/^\[|\]$/g, '').toLowerCase();
  return (
    plain === 'localhost' || plain === '::1' || /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/.test(plain)
  );
}
