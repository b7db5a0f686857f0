/** What the command line's exit codes mean; docs/cli.md and `--help` derive from this table. */
export const EXIT_CODES = {
  ok: { code: 0, meaning: 'done' },
  failed: { code: 1, meaning: 'failed; the message says why. doctor: at least one check failed' },
  usage: { code: 2, meaning: 'wrong arguments or configuration' },
  redirect: { code: 3, meaning: 'send: the answer was a redirect (3xx), which is not followed' },
  clientError: { code: 4, meaning: 'send: the answer was a 4xx' },
  serverError: { code: 5, meaning: 'send: the answer was a 5xx' },
  unreachable: { code: 6, meaning: 'nobody listens: no server at the URL or control socket' },
  brokenOff: { code: 7, meaning: 'send: the connection broke before the answer was whole' },
  interrupted: { code: 130, meaning: 'stopped by a signal before it was done' },
} as const;

/** The exit code of `send` for a final HTTP status. */
export function exitCodeOf(status: number): number {
  if (status < 300) return EXIT_CODES.ok.code;
  if (status < 400) return EXIT_CODES.redirect.code;
  if (status < 500) return EXIT_CODES.clientError.code;
  return EXIT_CODES.serverError.code;
}

/** The table as the end of a help text. */
export function exitCodesText(...names: (keyof typeof EXIT_CODES)[]): string {
  const rows = names
    .map((name) => EXIT_CODES[name])
    .map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`);
  return ['', 'Exit codes:', ...rows].join('\n');
}
