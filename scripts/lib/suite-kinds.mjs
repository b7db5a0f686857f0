// The ways in which a suite runs. Each returns { passed, failed, skipped }, with an optional note,
// or undefined where there is nothing to run yet.

import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { installPeers } from './dependencies.mjs';
import { filesBelow, root } from './files.mjs';
import { alone } from './lock.mjs';
import { nodeProgram, run, which } from './process.mjs';

const results = join(root, 'out', 'test-results');
const cores = availableParallelism();
const isTest = (path) => path.endsWith('.test.ts');

function resultsFile(name) {
  mkdirSync(results, { recursive: true });
  const path = join(results, name);
  rmSync(path, { force: true });
  return path;
}

function readResults(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** What is left of a suite's time, for each of the programs that it runs one after the other. */
function countdown(seconds) {
  const end = Date.now() + seconds * 1000;
  return () => Math.max(1, (end - Date.now()) / 1000);
}

/** A suite whose process failed without a failing test, or which ran none, has failed as a whole. */
function verdict({ ok, output }, counts, say) {
  if (ok && counts.passed + counts.failed + counts.skipped === 0) {
    say('  ran no test\n');
    return { ...counts, failed: 1 };
  }
  if (ok || counts.failed > 0) return counts;
  say(output);
  return { ...counts, failed: 1 };
}

/** One program that passes or fails as one test. */
export async function command([program, args], { say, timeoutSeconds }) {
  const result = await run(program, args, { timeoutSeconds });
  if (!result.ok) say(result.output);
  return { passed: result.ok ? 1 : 0, failed: result.ok ? 0 : 1, skipped: 0 };
}

/** node:test on the TypeScript files of one folder, or on one file. */
export async function nodeTests(path, { say, name, timeoutSeconds, strict, verbose, concurrency }) {
  const files = isTest(path) ? [path].filter(existsBelowTest) : filesBelow(path, isTest);
  if (files.length === 0) return undefined;
  const counts = resultsFile(`${name}.json`);
  const reporter = './scripts/lib/node-test-reporter.mjs';
  const args = [
    ...['--import', 'tsx', '--test', `--test-concurrency=${concurrency ?? 1}`],
    // A file that hangs is named before the watchdog of the whole suite ends everything.
    `--test-timeout=${Math.max(10, timeoutSeconds - 20) * 1000}`,
    ...[`--test-reporter=${reporter}`, '--test-reporter-destination=stdout', ...files],
  ];
  const env = { UR_TEST_COUNTS: counts };
  if (strict) env.STRICT = '1';
  if (verbose) env.UR_TEST_VERBOSE = '1';
  const result = await run(process.execPath, args, { env, timeoutSeconds, onOutput: say });
  const text = readResults(counts);
  if (text === undefined) say('  the test run ended before its summary\n');
  const none = { passed: 0, failed: text === undefined ? 1 : 0, skipped: 0 };
  return verdict(result, text === undefined ? none : JSON.parse(text), say);
}

const existsBelowTest = (path) => filesBelow('test').includes(path);

/** Configures and builds a CMake preset. Throws with the output where that fails. */
export async function buildPreset(preset, timeoutSeconds) {
  for (const args of [
    ['--preset', preset],
    ['--build', '--preset', preset, '--parallel', `${cores}`],
  ]) {
    const result = await run('cmake', args, { timeoutSeconds });
    if (!result.ok)
      throw Object.assign(new Error(`cmake ${args.join(' ')}`), { output: result.output });
  }
}

/** TSan cannot map its shadow where the kernel scatters mappings over more than 28 bits. */
function tsanLauncher() {
  const bits = Number(readResults('/proc/sys/vm/mmap_rnd_bits') ?? 0);
  return bits > 28 && which('setarch') ? ['setarch', '-R'] : [];
}

/** The GoogleTest executables of one CMake preset, by CTest. */
export async function nativeTests(preset, { say, name, timeoutSeconds, strict }) {
  if (filesBelow('native/test', (path) => path.endsWith('_test.cc')).length === 0) return undefined;
  const left = countdown(timeoutSeconds);
  await buildPreset(preset, left());
  const junit = resultsFile(`${name}.xml`);
  const [program, ...args] = [
    ...(preset === 'tsan' ? tsanLauncher() : []),
    ...['ctest', '--preset', preset, '--parallel', `${cores}`, '--output-junit', junit],
    ...['--no-tests=error', '--progress'],
  ];
  const env = {
    ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
    TSAN_OPTIONS: 'second_deadlock_stack=1',
    ...(strict ? { STRICT: '1' } : {}),
  };
  const result = await run(program, args, { env, timeoutSeconds: left() });
  const head = /<testsuite\b[^>]*>/.exec(readResults(junit) ?? '')?.[0] ?? '';
  const count = (attribute) => Number(new RegExp(`\\b${attribute}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = count('failures');
  const skipped = count('skipped') + count('disabled');
  const counts = { passed: count('tests') - failed - skipped, failed, skipped };
  if (failed > 0) say(result.output);
  return verdict(result, counts, say);
}

/** The C library as it is installed: built, then used by programs that node:test compiles. */
export async function capiTests({ timeoutSeconds, ...at }) {
  const left = countdown(timeoutSeconds);
  for (const preset of ['capi', 'dev']) await buildPreset(preset, left());
  return nodeTests('test/capi', { ...at, timeoutSeconds: left() });
}

/** Tests whose programs are linked with the C library. */
export async function libraryTests(path, { timeoutSeconds, ...at }) {
  const left = countdown(timeoutSeconds);
  await buildPreset('capi', left());
  return nodeTests(path, { ...at, timeoutSeconds: left() });
}

/** Every fuzz target for a short while, from its corpus; what it finds new is kept in out/. */
export async function fuzzTargets({ say, timeoutSeconds, secondsEach }) {
  const sources = filesBelow('native/fuzz', (path) => path.endsWith('_fuzz.cc'));
  if (sources.length === 0) return undefined;
  await buildPreset('fuzz', timeoutSeconds);
  const queue = sources.map((path) => path.slice('native/fuzz/'.length, -'.cc'.length));
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const worker = async () => {
    for (let target = queue.shift(); target !== undefined; target = queue.shift()) {
      const ok = await fuzz(target, { say, secondsEach });
      counts[ok ? 'passed' : 'failed'] += 1;
    }
  };
  await Promise.all(Array.from({ length: cores }, worker));
  return counts;
}

async function fuzz(target, { say, secondsEach }) {
  const found = join(root, 'out/fuzz/corpus', target);
  const artifacts = join(root, 'out/fuzz/artifacts', target);
  for (const folder of [found, artifacts]) mkdirSync(folder, { recursive: true });
  const corpus = `native/fuzz/corpus/${target.replace(/_fuzz$/, '')}`;
  const args = [
    ...[`-max_total_time=${secondsEach}`, '-timeout=10', '-rss_limit_mb=2048'],
    ...['-print_final_stats=1', `-artifact_prefix=${artifacts}/`, found],
    ...(filesBelow(corpus).length > 0 ? [join(root, corpus)] : []),
  ];
  const program = join(root, 'out/fuzz/fuzz', target);
  const { ok, output } = await run(program, args, { timeoutSeconds: secondsEach + 60 });
  const executed = /number_of_executed_units:\s*(\d+)/.exec(output)?.[1] ?? '?';
  say(ok ? `  ${target}: ${executed} inputs\n` : output);
  return ok;
}

/** The Python that Debian installs, or the one of PATH. */
export function python() {
  const own = '/usr/bin/python3';
  return existsSync(own) ? own : 'python3';
}

/** unittest on the files of one folder, in development mode: what is not closed is an error. */
export async function pythonTests(folder, { say, name, timeoutSeconds, strict, verbose }) {
  if (filesBelow(folder, (path) => /\/test_\w+\.py$/.test(path)).length === 0) return undefined;
  const left = countdown(timeoutSeconds);
  await buildPreset('capi', left());
  const counts = resultsFile(`${name}.json`);
  const args = [
    ...['-X', 'dev', '-W', 'error::ResourceWarning', 'sdk/python/tests/run.py', folder, counts],
    ...(verbose ? ['--verbose'] : []),
  ];
  const env = { PYTHONDONTWRITEBYTECODE: '1', ...(strict ? { STRICT: '1' } : {}) };
  const result = await run(python(), args, { env, timeoutSeconds: left(), onOutput: say });
  const text = readResults(counts);
  if (text === undefined) say('  the test run ended before its summary\n');
  const none = { passed: 0, failed: text === undefined ? 1 : 0, skipped: 0 };
  return verdict(result, text === undefined ? none : JSON.parse(text), say);
}

/** Every benchmark in its small size: none may rot. */
export async function smallBenchmarks({ say, timeoutSeconds }) {
  const files = filesBelow('bench', (path) => /\.bench\.(ts|mjs)$/.test(path));
  if (files.length === 0) return undefined;
  const left = countdown(timeoutSeconds);
  for (const preset of ['release', 'capi']) await buildPreset(preset, left());
  say(`  peers: ${(await alone(installPeers)) ?? 'installed'}\n`);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of files) {
    const args = ['--import', 'tsx', file, '--small'];
    const { ok, output } = await run(process.execPath, args, { timeoutSeconds: left() });
    counts[ok ? 'passed' : 'failed'] += 1;
    say(ok ? `  ${file}\n` : output);
  }
  return counts;
}

export { nodeProgram };
