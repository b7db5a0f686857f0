import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { runOrThrow, which } from './process.mjs';

function hasLibFuzzer() {
  const { stdout } = spawnSync('clang++', ['-print-runtime-dir'], { encoding: 'utf8' });
  const folder = stdout?.trim();
  return (
    Boolean(folder) &&
    existsSync(folder) &&
    readdirSync(folder).some((name) => name.startsWith('libclang_rt.fuzzer'))
  );
}

/** Whether GStreamer has an element, by the plugins of one package. */
const element = (name) => spawnSync('gst-inspect-1.0', ['--exists', name]).status === 0;

/** What each kind of work needs of the system, by the names of Debian 12's packages. */
const packages = [
  { name: 'g++', kinds: ['build'], present: () => which('g++') },
  { name: 'make', kinds: ['build'], present: () => which('make') },
  { name: 'cmake', kinds: ['build'], present: () => which('cmake') },
  // libsrt and its AES, linked in; without them SRT is unavailable and everything else works.
  {
    name: 'libsrt-gnutls-dev',
    kinds: ['media', 'prebuild'],
    present: () => existsSync('/usr/include/srt/srt.h'),
  },
  {
    name: 'nettle-dev',
    kinds: ['media', 'prebuild'],
    present: () => existsSync('/usr/include/nettle/aes.h'),
  },
  { name: 'ffmpeg', kinds: ['clients', 'media-clients'], present: () => which('ffmpeg') },
  { name: 'srt-tools', kinds: ['media-clients'], present: () => which('srt-live-transmit') },
  { name: 'gstreamer1.0-tools', kinds: ['media-clients'], present: () => which('gst-launch-1.0') },
  ...Object.entries({ good: 'flvmux', bad: 'rtmp2sink', ugly: 'x264enc' }).map(([set, name]) => ({
    name: `gstreamer1.0-plugins-${set}`,
    kinds: ['media-clients'],
    present: () => element(name),
  })),
  { name: 'netcat-openbsd', kinds: ['media-clients'], present: () => which('nc.openbsd') },
  { name: 'socat', kinds: ['media-clients'], present: () => which('socat') },
  { name: 'ninja-build', kinds: ['presets'], present: () => which('ninja') },
  {
    name: 'libgtest-dev',
    kinds: ['native-tests'],
    present: () => existsSync('/usr/include/gtest/gtest.h'),
  },
  { name: 'valgrind', kinds: ['capi'], present: () => which('valgrind') },
  { name: 'pkg-config', kinds: ['capi'], present: () => which('pkg-config') },
  {
    name: 'zlib1g-dev',
    kinds: ['capi'],
    present: () => existsSync('/usr/include/zlib.h'),
  },
  { name: 'clang', kinds: ['fuzz'], present: () => which('clang++') },
  { name: 'libclang-rt-14-dev', kinds: ['fuzz'], present: hasLibFuzzer },
  // The Python SDK; and node-gyp, which prebuildify calls.
  { name: 'python3', kinds: ['prebuild', 'python'], present: () => which('python3') },
  ...['django', 'fastapi', 'numpy', 'pip'].map((name) => ({
    name: `python3-${name}`,
    kinds: ['python-apps'],
    present: () => existsSync(`/usr/lib/python3/dist-packages/${name}`),
  })),
  { name: 'mypy', kinds: ['python-apps'], present: () => existsSync('/usr/bin/mypy') },
  { name: 'curl', kinds: ['clients'], present: () => which('curl') },
  { name: 'wrk', kinds: ['clients'], present: () => which('wrk') },
  { name: 'slowhttptest', kinds: ['clients'], present: () => which('slowhttptest') },
  { name: 'chromium', kinds: ['browsers'], present: () => which('chromium') },
  { name: 'systemd', kinds: ['clients'], present: () => which('systemd-analyze') },
  { name: 'nghttp2-client', kinds: ['clients'], present: () => which('h2load') },
];

/** The names of the packages that these kinds of work need and the machine does not have. */
export function missingPackages(kinds) {
  return packages
    .filter((entry) => entry.kinds.some((kind) => kinds.includes(kind)) && !entry.present())
    .map((entry) => entry.name);
}

const isRoot = process.getuid?.() === 0;

/** Installs what is missing where this process may; otherwise says what a person has to type. */
export async function installMissing(kinds) {
  const missing = missingPackages(kinds);
  if (missing.length === 0) return 'all there';
  const line = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (!isRoot || !which('apt-get')) {
    const sudo = isRoot ? '' : 'sudo ';
    throw new Error(
      `Debian packages are missing: ${missing.join(', ')}. Install them with:\n\n` +
        `    ${line.replaceAll('apt-get', `${sudo}apt-get`)}\n`,
    );
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await runOrThrow('sh', ['-c', line], { env, timeoutSeconds: 900 });
  const still = missingPackages(kinds);
  if (still.length > 0) throw new Error(`${still.join(', ')} still missing after: ${line}`);
  return `installed ${missing.join(', ')}`;
}
