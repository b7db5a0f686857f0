// A page of docs/transports, whose lines are run as a reader would: copied, beside a server with the
// configuration of the same page. Replaced are port numbers alone.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { testWith } from '../../support/program.js';

const TIMEOUT_MS = 240_000;

export interface Page {
  readonly name: string;
  /** The blocks of one language, in their order. */
  blocks(language: string): readonly string[];
  /** The commands of all blocks of `sh`. A block that begins with an assignment is one. */
  readonly commands: readonly string[];
}

export function pageOf(name: string): Page {
  const text = readFileSync(new URL(`../../../docs/transports/${name}`, import.meta.url), 'utf8');
  const blocks = (language: string) =>
    [...text.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(
      ([, block]) => block as string,
    );
  const commands = blocks('sh').flatMap((block) =>
    /^\w+=/.test(block) ? [block] : block.trim().split(/(?<![\\|])\n/),
  );
  return { name, blocks, commands };
}

/** What is done with a command of a page. */
export interface Line {
  readonly match: RegExp;
  /** What it needs; without it the test is skipped, or fails under STRICT=1. */
  readonly program: string;
  readonly run: (command: string) => Promise<void>;
}

/** A test for each command of the page. One that nothing is known of fails. */
export function testLines(page: Page, lines: readonly Line[]): void {
  for (const command of page.commands) {
    const found = lines.filter(({ match }) => match.test(command));
    const [line] = found;
    const name = `${page.name}: ${command.replaceAll(/\s*\\?\n\s*/g, ' ')}`;
    if (found.length === 1 && line) {
      testWith(line.program, name, () => line.run(command), TIMEOUT_MS);
    } else {
      test(name, () => assert.fail(`${found.length} of the test's lines match it`));
    }
  }
  test(`${page.name} has every line that is tested`, () => {
    const gone = lines.filter(({ match }) => !page.commands.some((one) => match.test(one)));
    assert.deepEqual(gone, []);
  });
}
