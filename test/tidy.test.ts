// The repository itself under test: what no compiler looks at.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const self = 'test/tidy.test.ts';

/** Every file that is, or would be, in the repository. */
const files = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(root, path)));

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const isBinary = (path: string): boolean =>
  path.startsWith('native/fuzz/corpus/') || readFileSync(join(root, path)).includes(0);
const isGenerated = (path: string): boolean => /[._]gen\.[a-z]+$|package-lock\.json$/.test(path);
const isSource = (path: string): boolean => /\.(ts|mjs|cc|h|py)$/.test(path) && !isGenerated(path);
const texts = files.filter((path) => path !== self && !isBinary(path));
const pages = files.filter((path) => path.endsWith('.md'));
const none = (found: readonly string[]): void => {
  if (found.length > 0) assert.fail(`\n${found.join('\n')}`);
};

/** Every line of these files that matches, as 'path:line: text'. */
function linesThatMatch(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    read(path)
      .split('\n')
      .flatMap((line, index) =>
        pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [],
      ),
  );
}

/** The links of a page to files of the repository, as paths from its root, with their anchors. */
function localLinks(page: string): { target: string; anchor: string }[] {
  const prose = read(page).replace(/```[\s\S]*?```|`[^`\n]*`/g, '');
  const links = [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|^\[[^\]]+\]:\s*(\S+)/gm)];
  return links
    .map((match) => match[1] ?? match[2] ?? '')
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [path = '', anchor = ''] = decodeURI(link).split('#');
      return { target: path === '' ? page : normalize(join(dirname(page), path)), anchor };
    });
}

/** The anchors that GitHub gives to a page's headings. */
function anchors(page: string): Set<string> {
  const headings = read(page)
    .replace(/```[\s\S]*?```/g, '')
    .matchAll(/^#+\s+(.*)$/gm);
  return new Set(
    [...headings].map((match) =>
      (match[1] ?? '')
        .trim()
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

test('no dead link in the documentation', () => {
  none(
    pages.flatMap((page) =>
      localLinks(page)
        .filter(({ target, anchor }) => {
          if (!existsSync(join(root, target))) return true;
          return anchor !== '' && target.endsWith('.md') && !anchors(target).has(anchor);
        })
        .map(({ target, anchor }) => `${page}: ${target}${anchor === '' ? '' : `#${anchor}`}`),
    ),
  );
});

test('every page of docs/ can be reached from the README', () => {
  const reached = new Set<string>();
  const visit = (page: string): void => {
    if (reached.has(page) || !page.endsWith('.md') || !existsSync(join(root, page))) return;
    reached.add(page);
    for (const { target } of localLinks(page)) visit(target);
  };
  visit('README.md');
  visit('docs/README.md');
  none(pages.filter((page) => page.startsWith('docs/') && !reached.has(page)));
});

test('the generated files are current', () => {
  execFileSync(process.execPath, ['scripts/generate-errors.mjs', '--check'], { cwd: root });
});

test('every error is documented, and raised somewhere', () => {
  const { errors } = JSON.parse(read('src/errors/errors.json')) as { errors: { name: string }[] };
  const page = read('docs/errors.md');
  const code = files
    .filter((path) => /^(src|native|sdk)\//.test(path) && isSource(path))
    .map(read)
    .join('\n');
  const pascal = (name: string): string =>
    name.toLowerCase().replace(/(^|_)([a-z0-9])/g, (_, _bar, first) => first.toUpperCase());
  const uses = (name: string): RegExp =>
    new RegExp(`['"]${name}['"]|\\bk${pascal(name)}\\b|\\braise ${pascal(name)}\\b`);
  const names = errors.map(({ name }) => name);
  none(
    names.filter((name) => !page.includes(`\`${name}\``)).map((name) => `${name}: undocumented`),
  );
  none(names.filter((name) => !uses(name).test(code)).map((name) => `${name}: nobody raises it`));
});

test('files stay short', (t) => {
  const lengths = files
    .filter(isSource)
    .map((path) => [path, read(path).split('\n').length - 1] as const);
  for (const [path, lines] of lengths) {
    if (lines > 250 && lines <= 350) t.diagnostic(`${path} has ${lines} lines; 250 are the aim`);
  }
  none(
    lengths.filter(([, lines]) => lines > 350).map(([path, lines]) => `${path}: ${lines} lines`),
  );
});

// The formatter's limit is 100; it cannot break comments and strings.
test('no line is longer than 110 columns', () => {
  none(linesThatMatch(files.filter(isSource), /^(?!.*https?:\/\/).{111,}$/u));
});

test('nothing is left to be done', () => {
  none(linesThatMatch(texts, /\b(TODO|FIXME|XXX)\b/));
});

test('no path of one machine, no private registry', () => {
  none(linesThatMatch(texts, /(^|[\s"'`(=:])\/(work|root)\//));
  none(linesThatMatch(texts, /_authToken|^\s*registry\s*=/));
  none(linesThatMatch(texts, /"resolved": "(?!https:\/\/registry\.npmjs\.org\/)/));
});

test('the version stands in package.json alone', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  const lock = JSON.parse(read('package-lock.json')) as { version: string };
  assert.equal(lock.version, version);
  const literal = new RegExp(`['"]${version.replaceAll('.', '\\.')}['"]`);
  none(
    linesThatMatch(
      texts.filter((path) => /^(src|native|scripts)\//.test(path)),
      literal,
    ),
  );
});

test('native layers include only what stands below them', () => {
  const below: Record<string, readonly string[]> = {
    core: ['core'],
    hpks: ['core', 'hpks'],
    control: ['core', 'control'],
    capi: ['core', 'hpks', 'control', 'capi'],
    feed: ['core', 'feed'],
    rtmp: ['core', 'feed', 'rtmp'],
    mpegts: ['core', 'feed', 'mpegts'],
    srt: ['core', 'feed', 'mpegts', 'srt'],
    napi: ['core', 'hpks', 'control', 'feed', 'rtmp', 'mpegts', 'srt', 'napi'],
  };
  none(
    Object.entries(below).flatMap(([layer, allowed]) =>
      linesThatMatch(
        files.filter((path) => path.startsWith(`native/${layer}/`)),
        new RegExp(`#include "(?!(${allowed.join('|')})/)[^"]*/`),
      ),
    ),
  );
  none(
    linesThatMatch(
      files.filter((path) => /^native\/(?!napi\/)/.test(path) && isSource(path)),
      /#include [<"](napi|node_api|js_native_api)\.h/,
    ),
  );
});
