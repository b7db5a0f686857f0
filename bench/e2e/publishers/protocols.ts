import { spawnSync } from 'node:child_process';
import { srtProblem } from '../../../src/ring/srt-engine.js';
import { webRtcProblem } from '../../../src/transports/webrtc/engine.js';
import type { Workspace } from '../trial.js';

/** A way for live publishers to send. */
export interface LiveProtocol {
  readonly label: string;
  /** Its publisher, as processes/live-publishers.mjs has it, and what that one wants beside the port. */
  readonly publisher: string;
  readonly options?: object;
  /** Where the server listens for it. */
  readonly transport: string;
  readonly scheme: string;
  /** Configuration of `transports`. */
  config?(workspace: Workspace): object;
  /** Why it cannot be measured here, and what helps; undefined: it can, as far as is known. */
  missing?(): string | undefined;
}

const PASSPHRASE = 'of the benchmark';
const SRT_LIBRARY = 'libsrt-gnutls.so.1.5';

const explained = (problem: { message: string; remedy: string } | undefined) =>
  problem && `${problem.message}. ${problem.remedy}`;

function srtMissing(): string | undefined {
  const problem = explained(srtProblem(1));
  if (problem !== undefined) return problem;
  const load = `import ctypes; ctypes.CDLL('${SRT_LIBRARY}')`;
  const { status } = spawnSync('python3', ['-c', load], { stdio: 'ignore' });
  return status === 0
    ? undefined
    : `The SRT caller is Python with ${SRT_LIBRARY}: it does not load.`;
}

const webRtcMissing = () => explained(webRtcProblem(1));

const rtmp = {
  ...{ publisher: 'rtmp', transport: 'rtmp', scheme: 'rtmp' },
  config: () => ({ rtmp: { enabled: true, port: 0 } }),
};

const srt = {
  ...{ publisher: 'srt', transport: 'srt', scheme: 'srt', missing: srtMissing },
  config: () => ({ srt: { enabled: true, port: 0 } }),
};

/** WHIP is on the listeners of HTTP. */
const webrtc = {
  ...{ transport: 'http1', scheme: 'http', missing: webRtcMissing },
  config: () => ({ webrtc: { enabled: true } }),
};

export const RTMP: LiveProtocol = { ...rtmp, label: 'RTMP' };

export const RTMP_AUDIO: LiveProtocol = {
  ...rtmp,
  label: 'RTMP, audio alone',
  options: { audio: true },
};

export const LIVE_PROTOCOLS: readonly LiveProtocol[] = [
  RTMP,
  {
    ...rtmp,
    label: 'RTMPS',
    scheme: 'rtmps',
    options: { secure: true },
    config: ({ certFile, keyFile }) => ({
      rtmp: { enabled: true, plain: false, tls: { port: 0, certFile, keyFile } },
    }),
  },
  { ...srt, label: 'SRT' },
  {
    ...srt,
    label: 'SRT, AES-128',
    options: { passphrase: PASSPHRASE },
    config: () => ({ srt: { enabled: true, port: 0, passphrase: PASSPHRASE } }),
  },
  { ...webrtc, label: 'WebRTC, H.264 over RTP', publisher: 'webrtcMedia' },
  { ...webrtc, label: 'WebRTC data channel', publisher: 'dataChannel' },
  {
    ...{ label: 'raw TCP', publisher: 'tcp', transport: 'tcp', scheme: 'tcp' },
    config: () => ({ tcp: { enabled: true, port: 0 } }),
  },
  { label: 'HTTP/1.1', publisher: 'http1', transport: 'http1', scheme: 'http' },
  { label: 'HTTP/2 TLS', publisher: 'http2', transport: 'http2', scheme: 'https' },
  { label: 'HTTP/3', publisher: 'http3', transport: 'http3', scheme: 'https' },
  { label: 'WebSocket', publisher: 'websocket', transport: 'websocket', scheme: 'ws' },
];
