// The README shows what is there: its worker is the example, its commands exist.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { repositoryFile } from './format-page.js';

const readme = repositoryFile('README.md');

describe('README.md', () => {
  it('shows the example worker as it is', () => {
    const [, path = '', code = ''] =
      /\[(examples\/[\w-]+\.mjs)\][\s\S]*?```js\n([\s\S]*?)```/.exec(readme) ?? [];
    assert.equal(code, repositoryFile(path));
    // Lines with more than brackets in them.
    assert.ok(code.split('\n').filter((line) => /\w/.test(line)).length <= 10, 'ten lines');
  });

  it('names only scripts that package.json has', () => {
    const { scripts } = JSON.parse(repositoryFile('package.json')) as {
      scripts: Record<string, string>;
    };
    const named = [...readme.matchAll(/npm run ([\w:-]+)/g)].map((match) => match[1] as string);
    assert.deepEqual(
      named.filter((name) => !(name in scripts)),
      [],
    );
  });
});
