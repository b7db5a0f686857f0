/** Whether a configuration of HTTP/3 lets it listen. */
export function isEnabled(config: {
  readonly enabled?: boolean | undefined;
  readonly tls?: object | undefined;
}): boolean {
  return config.enabled ?? config.tls !== undefined;
}
