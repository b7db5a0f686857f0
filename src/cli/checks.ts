import { readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/index.js';
import { humanBytes } from '../config/units.js';
import { UploadResponseError } from '../errors/index.js';
import { machineInfo, nativeVersion, planGeometry } from '../ring/machine.js';
import { srtProblem } from '../ring/srt-engine.js';
import { explainShortage, fits } from './geometry.js';
import { packageFolder, packageVersion } from './package-info.js';

/** What `doctor` found out about one thing. */
export interface Check {
  /** Stable, for programs. */
  readonly id: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do about it; absent when it is ok. */
  readonly remedy?: string;
}

const ok = (id: string, detail: string): Check => ({ id, status: 'ok', detail });

/** Whether this Node can run the service. */
export function checkNode(version: string = process.versions.node): Check {
  const major = Number.parseInt(version, 10);
  if (major >= 20) return ok('node', `Node.js ${version}`);
  const detail = `Node.js ${version} is too old`;
  return { id: 'node', status: 'fail', detail, remedy: 'Install Node.js 20 or newer.' };
}

/** What the segment needs of the kernel: memfd (3.17), OFD locks (3.15), pidfd (5.3). */
export function checkKernel(platform: string = process.platform, version = release()): Check {
  const id = 'kernel';
  if (platform !== 'linux') {
    const detail = `${platform} ${version}: not tested, Linux is`;
    return { id, status: 'warn', detail, remedy: 'Run the service on Linux.' };
  }
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const atLeast = (a: number, b: number): boolean => major > a || (major === a && minor >= b);
  if (!atLeast(3, 17)) {
    const detail = `Linux ${version} has no memfd (3.17) or OFD locks (3.15)`;
    return { id, status: 'fail', detail, remedy: 'Use a kernel of 5.3 or newer.' };
  }
  if (!atLeast(5, 3)) {
    const detail = `Linux ${version} has memfd and OFD locks, but no pidfd (5.3)`;
    const remedy = 'Stuck workers cannot be killed by the server: use a kernel of 5.3 or newer.';
    return { id, status: 'warn', detail, remedy };
  }
  return ok(id, `Linux ${version}: memfd, OFD locks, pidfd`);
}

/** Whether the native binary loads, and where it comes from. */
export function checkNative(): Check {
  const id = 'native';
  try {
    const { version, abi } = nativeVersion();
    const built = hasBuild() ? 'built on this machine' : 'prebuilt';
    return ok(id, `native binary ${version}, segment format ${abi}, ${built}`);
  } catch (error) {
    const detail = (error as Error).message;
    return { id, status: 'fail', detail, remedy: buildRemedy() };
  }
}

/** node-gyp-build takes a local build before a prebuilt binary. */
function hasBuild(): boolean {
  try {
    const files = readdirSync(join(packageFolder, 'build', 'Release'));
    return files.some((file) => file.endsWith('.node'));
  } catch {
    return false;
  }
}

function buildRemedy(): string {
  const path = process.env.PATH?.split(':') ?? [];
  const present = (program: string): boolean =>
    path.some((folder) => {
      try {
        return readdirSync(folder).includes(program);
      } catch {
        return false;
      }
    });
  const missing = ['g++', 'make', 'cmake'].filter((program) => !present(program));
  const install =
    missing.length > 0
      ? `apt-get install -y --no-install-recommends ${missing.join(' ')}, then `
      : '';
  return `Build it: ${install}npm rebuild upload-response (in a clone: npm run build).`;
}

/** What the machine and the container have. */
export function checkMemory(): Check {
  const id = 'memory';
  try {
    const machine = machineInfo();
    const limit = Number.isFinite(machine.cgroupLimit)
      ? `container limit ${humanBytes(machine.cgroupLimit)}, of which ` +
        `${humanBytes(machine.cgroupUsed)} are used`
      : 'no container limit';
    const free = humanBytes(machine.memoryAvailable);
    return ok(id, `${free} available of ${humanBytes(machine.memoryTotal)}, ${limit}`);
  } catch {
    return unknown(id, 'the memory');
  }
}

/** Whether the configured geometry fits. */
export function checkGeometry(segment: Config['segment']): Check {
  const id = 'geometry';
  try {
    const plan = planGeometry(segment);
    if (!fits(plan)) {
      const [detail = '', ...remedy] = explainShortage(segment, plan, machineInfo()).split('\n');
      return { id, status: 'fail', detail, remedy: remedy.map((line) => line.trim()).join('; ') };
    }
    const needs = `the segment needs ${humanBytes(plan.startBytes)}`;
    const part = plan.startBytes / plan.availableBytes;
    if (part > 0.8) {
      const detail = `${needs}, ${Math.round(part * 100)} % of what is free`;
      const remedy = 'Lower streams or slots: server and workers need memory of their own.';
      return { id, status: 'warn', detail, remedy };
    }
    return ok(id, `${needs} of ${humanBytes(plan.availableBytes)} free (${segment.memory} memory)`);
  } catch (error) {
    if (error instanceof UploadResponseError && error.code === 'INVALID_GEOMETRY') {
      return { id, status: 'fail', detail: error.message, remedy: error.remedy };
    }
    return unknown(id, 'what the geometry needs');
  }
}

function unknown(id: string, what: string): Check {
  const remedy = 'Needs the native binary: see its line.';
  return { id, status: 'warn', detail: `${what} is not known`, remedy };
}

/** `/dev/shm` is what people of other shared-memory services ask about. */
export function checkShm(): Check {
  return ok('shm', '/dev/shm is not used (the memory is a memfd): its size does not matter');
}

/** Open files for connections and workers; locked memory is not needed. */
export function checkLimits(streams: number, limits = readLimits()): Check[] {
  const files = limits.get('Max open files');
  const lock = 'locked memory is not needed';
  if (files === undefined) return [ok('limits', lock)];
  // A connection for each stream, as many idle ones, and what server and workers have open.
  const wanted = 2 * streams + 256;
  if (files >= wanted) return [ok('limits', `${files} open files; ${lock}`)];
  return [
    {
      id: 'limits',
      status: 'warn',
      detail: `${files} open files are few for ${streams} streams`,
      remedy: `Raise them to ${wanted}: ulimit -n ${wanted}, or LimitNOFILE= in a systemd unit.`,
    },
  ];
}

function readLimits(): Map<string, number> {
  const limits = new Map<string, number>();
  try {
    for (const line of readFileSync('/proc/self/limits', 'utf8').split('\n')) {
      const match = /^(Max .*?)\s{2,}(\S+)/.exec(line);
      if (!match) continue;
      const value = match[2] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(match[2]);
      limits.set(match[1] as string, value);
    }
  } catch {
    // Not Linux: nothing is known.
  }
  return limits;
}

/** Whether HTTP/3 can be served, and is. */
export async function checkHttp3(enabled: boolean, processes: number): Promise<Check> {
  const id = 'http3';
  const { http3Problem } = await import('../server.js');
  const problem = http3Problem(processes);
  if (!problem) return ok(id, `HTTP/3: its engine loads${enabled ? '' : ', and it is off'}`);
  const { code, message, remedy } = problem;
  if (!enabled) return ok(id, `HTTP/3 is off, and could not be on: ${message}`);
  return { id, status: 'warn', detail: `HTTP/3 is off: ${message} (${code})`, remedy };
}

/** Whether SRT can be served, and is. */
export function checkSrt(enabled: boolean, processes: number): Check {
  const id = 'srt';
  const problem = srtProblem(processes);
  if (!problem) return ok(id, `SRT: libsrt is linked in${enabled ? '' : ', and it is off'}`);
  const { code, message, remedy } = problem;
  if (!enabled) return ok(id, `SRT is off, and could not be on: ${message}`);
  return { id, status: 'warn', detail: `SRT is off: ${message} (${code})`, remedy };
}

/** Whether WebRTC can be served, and is. */
export async function checkWebRtc(enabled: boolean, processes: number): Promise<Check> {
  const id = 'webrtc';
  const { webRtcProblem } = await import('../server.js');
  const problem = webRtcProblem(processes);
  if (!problem) return ok(id, `WebRTC: its engine loads${enabled ? '' : ', and it is off'}`);
  const { code, message, remedy } = problem;
  if (!enabled) return ok(id, `WebRTC is off, and could not be on: ${message}`);
  return { id, status: 'warn', detail: `WebRTC is off: ${message} (${code})`, remedy };
}

/** What the engine of HTTP/3 asks for. */
const UDP_BUFFER_BYTES = 2 * 2 ** 20;

/** Whether the system lets a UDP socket keep what comes while the engine is busy. */
export function checkUdpBuffer(limitBytes = readUdpLimit()): Check[] {
  const id = 'udp-buffer';
  if (limitBytes === undefined) return [];
  const detail = `a UDP socket may have a buffer of ${humanBytes(limitBytes)}`;
  if (limitBytes >= UDP_BUFFER_BYTES) return [ok(id, detail)];
  const remedy = `Packets of HTTP/3 are lost under load: sysctl -w net.core.rmem_max=${UDP_BUFFER_BYTES}`;
  return [{ id, status: 'warn', detail, remedy }];
}

function readUdpLimit(): number | undefined {
  try {
    return Number(readFileSync('/proc/sys/net/core/rmem_max', 'utf8'));
  } catch {
    // Not Linux, or a container that does not show it.
    return undefined;
  }
}

/** The package itself. */
export function checkPackage(): Check {
  return ok('package', `upload-response ${packageVersion}`);
}
