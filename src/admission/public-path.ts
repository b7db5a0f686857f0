const MAX_LENGTH = 1024;

/**
 * A path without what may be a secret, for logs and displays: queries carry tokens and signatures, and
 * the paths of media transports carry stream keys after their first part.
 */
export function publicPath(transport: string, path: string): string {
  const plain = path.replace(/[?#].*$/s, (rest) => (rest.length > 1 ? '?…' : ''));
  if (!/^(http|ws|websocket)/.test(transport)) {
    const [, first = ''] = plain.split('/');
    return plain === `/${first}` ? plain : `/${first}/…`;
  }
  return plain.length > MAX_LENGTH ? `${plain.slice(0, MAX_LENGTH)}…` : plain;
}
