// Every suite of 'npm test', in the order in which they run: the quick ones first.

import {
  capiTests,
  command,
  fuzzTargets,
  libraryTests,
  nativeTests,
  nodeProgram,
  nodeTests,
  pythonTests,
  smallBenchmarks,
} from './suite-kinds.mjs';

const biome = () => nodeProgram('@biomejs/biome/bin/biome', ['check', '--error-on-warnings']);
const tsc = () => nodeProgram('typescript/bin/tsc', ['--noEmit']);
const depcruise = () =>
  nodeProgram('dependency-cruiser/bin/dependency-cruise.mjs', [
    ...['--config', '.dependency-cruiser.cjs', '--output-type', 'err-long', 'src'],
  ]);
const generate = () => [process.execPath, ['scripts/generate-errors.mjs', '--check']];

const cmake = ['build', 'presets'];

/**
 * `needs` are products of the bootstrap ('addon', 'dist'), `packages` kinds of Debian packages,
 * `timeoutSeconds` is the watchdog: about five times what the suite takes on two cores.
 */
export const suites = [
  { name: 'lint', what: 'Biome', timeoutSeconds: 60, run: (at) => command(biome(), at) },
  {
    name: 'types',
    what: 'tsc',
    needs: ['dist'],
    timeoutSeconds: 180,
    run: (at) => command(tsc(), at),
  },
  {
    name: 'layers',
    what: 'who may import whom',
    timeoutSeconds: 60,
    run: (at) => command(depcruise(), at),
  },
  { name: 'generated', what: 'drift', timeoutSeconds: 30, run: (at) => command(generate(), at) },
  {
    name: 'tidy',
    what: 'the repository itself',
    timeoutSeconds: 60,
    run: (at) => nodeTests('test/tidy.test.ts', at),
  },
  {
    name: 'unit',
    what: 'test/unit',
    needs: ['addon', 'dist'],
    timeoutSeconds: 600,
    run: (at) => nodeTests('test/unit', { ...at, concurrency: 2 }),
  },
  {
    name: 'fuzz-ts',
    what: 'test/fuzz, properties by fast-check',
    needs: ['addon', 'dist'],
    timeoutSeconds: 240,
    run: (at) => nodeTests('test/fuzz', at),
  },
  {
    name: 'native',
    what: 'native/test, debug build, warnings are errors',
    packages: [...cmake, 'native-tests'],
    timeoutSeconds: 600,
    run: (at) => nativeTests('dev', at),
  },
  {
    name: 'native-asan',
    what: 'native/test under ASan and UBSan',
    packages: [...cmake, 'native-tests'],
    timeoutSeconds: 600,
    run: (at) => nativeTests('asan', at),
  },
  {
    name: 'native-tsan',
    what: 'native/test under TSan',
    packages: [...cmake, 'native-tests'],
    timeoutSeconds: 900,
    run: (at) => nativeTests('tsan', at),
  },
  {
    name: 'capi',
    what: 'test/capi, the installed C library, valgrind',
    needs: ['addon', 'dist'],
    packages: [...cmake, 'native-tests', 'capi', 'clients'],
    timeoutSeconds: 1500,
    run: capiTests,
  },
  {
    name: 'fuzz',
    what: 'native/fuzz, 20 s each',
    packages: [...cmake, 'fuzz'],
    timeoutSeconds: 600,
    run: (at) => fuzzTargets({ ...at, secondsEach: 20 }),
  },
  {
    name: 'integration',
    what: 'test/integration, real processes',
    needs: ['addon', 'dist'],
    packages: ['clients', 'python', 'media'],
    timeoutSeconds: 900,
    run: (at) => nodeTests('test/integration', at),
  },
  {
    name: 'conformance',
    what: 'test/conformance, every transport',
    needs: ['addon', 'dist'],
    timeoutSeconds: 2400,
    run: (at) => nodeTests('test/conformance', at),
  },
  {
    name: 'workers',
    what: 'test/worker-conformance, every language of workers',
    needs: ['addon', 'dist'],
    packages: [...cmake, 'capi', 'python'],
    timeoutSeconds: 1200,
    run: (at) => libraryTests('test/worker-conformance', at),
  },
  {
    name: 'interop',
    what: 'test/interop, other programs',
    needs: ['addon', 'dist'],
    packages: [...cmake, 'capi', 'python', 'clients', 'browsers', 'media', 'media-clients'],
    timeoutSeconds: 1200,
    run: (at) => libraryTests('test/interop', at),
  },
  {
    name: 'python',
    what: 'sdk/python/tests, the Python SDK',
    needs: ['addon', 'dist'],
    packages: [...cmake, 'python'],
    timeoutSeconds: 900,
    run: (at) => pythonTests('sdk/python/tests', at),
  },
  {
    name: 'python-apps',
    what: 'sdk/python/tests/apps: FastAPI, numpy, mypy, pip',
    needs: ['addon', 'dist'],
    packages: [...cmake, 'python', 'python-apps'],
    timeoutSeconds: 900,
    run: (at) => pythonTests('sdk/python/tests/apps', at),
  },
  {
    name: 'faults',
    what: 'test/faults, seeded kills',
    needs: ['addon', 'dist'],
    packages: [...cmake, 'capi', 'python'],
    timeoutSeconds: 900,
    run: (at) => libraryTests('test/faults', at),
  },
  {
    name: 'packaging',
    what: 'the tarball in an empty folder, without a compiler',
    needs: ['dist'],
    packages: [...cmake, 'prebuild'],
    timeoutSeconds: 1500,
    run: (at) => nodeTests('test/packaging.test.ts', at),
  },
  {
    name: 'benchmarks',
    what: 'bench, small sizes',
    needs: ['addon', 'dist'],
    packages: [...cmake, 'python'],
    timeoutSeconds: 1500,
    run: smallBenchmarks,
  },
];
