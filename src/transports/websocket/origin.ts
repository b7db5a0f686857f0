/**
 * Whether a page of this origin may connect. A browser lets every page open a WebSocket to everywhere,
 * with the user's cookies and client certificate, and leaves the check to the server (RFC 6455 section
 * 10.2). A client that sends no origin is no page.
 * `host`: what the request says that this server is called; `allowed`: see `origins` in the
 * configuration.
 */
export function isAllowedOrigin(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined) return true;
  if (allowed.some((one) => one === '*' || one.toLowerCase() === origin.toLowerCase())) return true;
  const page = parse(origin);
  if (!page || host === undefined) return false;
  // Behind a proxy that ends TLS the page's scheme is not ours: only its default port counts here.
  return page.host !== '' && page.host === parse(`${page.protocol}//${host}`)?.host;
}

function parse(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined;
}
