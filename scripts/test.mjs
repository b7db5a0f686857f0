#!/usr/bin/env node
// 'npm test': builds what is missing and runs the suites.
// Usage: node scripts/test.mjs [--list] [--verbose] [suite ...]

import { parseArgs } from 'node:util';
import { dependencies, main, nativeBuild, systemPackages, tsBuild } from './bootstrap.mjs';
import { missingPackages } from './lib/debian-packages.mjs';
import { bold, green, grey, red } from './lib/progress.mjs';
import { suites } from './lib/suites.mjs';

const help = `Builds what is missing and runs the test suites.

Usage: npm test                        every suite
       npm test -- unit integration    some suites
       npm test -- --list              what there is

  --verbose   show every test and what it prints
  --list      the suites, and what each one runs
  --help      this text

STRICT=1 makes a missing tool a failure instead of a skipped test; CI sets it.
`;

const out = (text) => process.stdout.write(text);
const strict = process.env.STRICT === '1' || process.env.CI === 'true';

/** Builds what the chosen suites need. Returns what could not be built, each with its error. */
async function prepare(chosen) {
  const unusable = new Map();
  const attempt = async (name, action) => {
    try {
      await action();
    } catch (error) {
      out(`${red(error.message)}\n`);
      unusable.set(name, error);
    }
  };
  const needs = new Set(chosen.flatMap((suite) => suite.needs ?? []));
  const kinds = new Set(chosen.flatMap((suite) => suite.packages ?? []));
  if (needs.has('addon')) kinds.add('build');
  await attempt('packages', () => systemPackages([...kinds]));
  await dependencies();
  if (needs.has('addon')) await attempt('addon', nativeBuild);
  if (needs.has('dist')) await attempt('dist', tsBuild);
  return unusable;
}

/** Runs one suite. Returns its counts, or undefined where it has nothing to run yet. */
async function runSuite(suite, { unusable, verbose }) {
  const broken = (suite.needs ?? []).find((need) => unusable.has(need));
  if (broken) {
    out(`  not run: ${broken} could not be built\n`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const missing = missingPackages(suite.packages ?? []);
  if (missing.length > 0) {
    out(`  not run: ${missing.join(', ')} missing\n`);
    return { passed: 0, failed: strict ? 1 : 0, skipped: strict ? 0 : 1 };
  }
  const { name, timeoutSeconds } = suite;
  try {
    return await suite.run({ name, timeoutSeconds, strict, verbose, say: out });
  } catch (error) {
    out(`${error.output ?? error.stack}\n  ${red(error.message)}\n`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

const summary = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;

async function runAll(chosen, { verbose }) {
  const unusable = await prepare(chosen);
  const total = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  for (const [index, suite] of chosen.entries()) {
    const begun = Date.now();
    out(`\n${bold(suite.name)}  ${grey(`${suite.what}  [${index + 1}/${chosen.length}]`)}\n`);
    const counts = await runSuite(suite, { unusable, verbose });
    if (!counts) {
      out(grey('  nothing to run yet\n'));
      continue;
    }
    const mark = counts.failed > 0 ? red('✘') : green('✔');
    const seconds = ((Date.now() - begun) / 1000).toFixed(1);
    out(`${mark} ${suite.name}: ${summary(counts)}  ${grey(`${seconds} s`)}\n`);
    for (const key of Object.keys(total)) total[key] += counts[key];
    if (counts.failed > 0) failures.push(suite.name);
  }
  if (failures.length > 0) {
    out(`\n${red('failed:')} ${failures.join(', ')}  (npm test -- ${failures.join(' ')})\n`);
  }
  out(`\n${summary(total)}\n`);
  if (failures.length > 0) process.exitCode = 1;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { list: { type: 'boolean' }, help: { type: 'boolean' }, verbose: { type: 'boolean' } },
});
const unknown = positionals.filter((name) => !suites.some((suite) => suite.name === name));
if (values.help) out(help);
else if (values.list) for (const { name, what } of suites) out(`${name.padEnd(14)}${what}\n`);
else if (unknown.length > 0) {
  console.error(`There is no suite ${unknown.join(', ')}. npm test -- --list shows them.`);
  process.exitCode = 2;
} else {
  const chosen = suites.filter(
    ({ name }) => positionals.length === 0 || positionals.includes(name),
  );
  await main(() => runAll(chosen, values));
}
