import { type Browser, chromium } from 'playwright-core';

/** Debian's. */
const EXECUTABLE = '/usr/bin/chromium';

/** The program's name, for `testWith`. */
export const CHROMIUM = 'chromium';

/** What keeps a browser without a user from speaking to anybody but us. */
const QUIET = [
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Starts a headless Chromium with a profile of its own; close it. Certificates are not checked.
 * `quic`: HTTP/3 may be spoken.
 */
export function launchChromium(
  args: readonly string[] = [],
  { quic = false } = {},
): Promise<Browser> {
  return chromium.launch({
    executablePath: EXECUTABLE,
    // As root there is no sandbox.
    chromiumSandbox: process.getuid?.() !== 0,
    args: [
      ...QUIET,
      '--ignore-certificate-errors',
      ...(quic ? ['--enable-quic'] : ['--disable-quic']),
      ...args,
    ],
  });
}
