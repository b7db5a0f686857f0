import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { srtProblem } from '../../../src/ring/srt-engine.js';
import { isBuilt, NativeProgram, number, runProgram } from '../../support/native-program.js';
import { seededBytes } from '../processes/payload.mjs';
import { RingReceiver } from './receivers.js';
import type { MediaScenario, MediaSetting, ReceiverKind } from './scenario.js';
import { SrtLiveTransmit, srtLiveTransmitMissing } from './srt-live-transmit.js';
import { MediaTrial, type Received, type Receiver, type Sender, type Sent } from './transfer.js';

const PROGRAM = 'srt_peer';
const PASSPHRASE = 'of the benchmark';
const STREAM_ID = '#!::r=bench';

/** Both of them with the buffers and windows that the server has by default. */
interface Mode {
  readonly file: boolean;
  readonly passphrase?: string;
}

export const SRT_SCENARIOS: readonly MediaScenario[] = [
  scenario('SRT file', { file: true }),
  scenario('SRT file, AES-128', { file: true, passphrase: PASSPHRASE }),
  scenario('SRT live, highThroughput', { file: false }, SrtLiveTransmit.NAME),
];

function scenario(label: string, mode: Mode, peer?: string): MediaScenario {
  return {
    label,
    ...(peer !== undefined && { peer }),
    missing: (kind) => {
      if (kind === 'peer') return srtLiveTransmitMissing();
      const problem = srtProblem(1);
      if (problem) return `${problem.message}. ${problem.remedy}`;
      if (isBuilt(PROGRAM)) return undefined;
      return `${PROGRAM} was built without libsrt. Install libsrt-gnutls-dev and nettle-dev.`;
    },
    start: (kind, setting) => start(kind, setting, mode),
  };
}

async function start(kind: ReceiverKind, setting: MediaSetting, mode: Mode): Promise<MediaTrial> {
  const { folder } = setting.workspace;
  const payload = join(folder, 'payload');
  writeFileSync(payload, seededBytes(setting.seed));
  const sending = { ...mode, payload, realtime: setting.realtime };
  if (kind === 'peer') {
    const peer = await SrtLiveTransmit.start();
    return new MediaTrial(peer, new SrtSender(() => peer.port, sending));
  }
  if (kind === 'raw') {
    const sink = await SrtSink.start(mode);
    return new MediaTrial(sink, new SrtSender(() => sink.port, sending));
  }
  const { file, passphrase } = mode;
  const srt = { enabled: true, port: 0, filePort: 0, highThroughput: !file };
  const transports = { srt: { ...srt, ...(passphrase !== undefined && { passphrase }) } };
  const ring = await RingReceiver.start(transports, setting.workspace);
  const port = ring.portsOf('srt')[file ? 1 : 0] ?? 0;
  return new MediaTrial(ring, new SrtSender(() => port, sending));
}

const argumentsOf = ({ file, passphrase }: Mode) => ({
  file: file ? 1 : 0,
  ...(passphrase !== undefined && { passphrase }),
});

/** srt_peer as a client: a fresh process for each transfer, whose clock and CPU time begin when it is
 *  connected. */
class SrtSender implements Sender {
  readonly pids = [];
  readonly #port: () => number;
  readonly #sending: Mode & { readonly payload: string; readonly realtime: boolean };

  constructor(port: () => number, sending: Mode & { payload: string; realtime: boolean }) {
    this.#port = port;
    this.#sending = sending;
  }

  async send(totalBytes: number): Promise<Sent> {
    const { payload, realtime } = this.#sending;
    const outcome = await runProgram(
      PROGRAM,
      {
        ...{ role: 'sender', port: this.#port(), 'stream-id': STREAM_ID },
        ...{ payload, 'total-bytes': totalBytes, ...argumentsOf(this.#sending) },
      },
      realtime,
    );
    return {
      beginNs: number(outcome, 'begin_ns'),
      sentNs: number(outcome, 'sent_ns'),
      cpuSeconds: number(outcome, 'cpu_seconds'),
    };
  }

  async stop(): Promise<void> {}
}

/** srt_peer as a bare sink. */
class SrtSink implements Receiver {
  readonly port: number;
  readonly #program: NativeProgram;

  static async start(mode: Mode): Promise<SrtSink> {
    const program = new NativeProgram(PROGRAM, { role: 'sink', ...argumentsOf(mode) });
    return new SrtSink(program, number(await program.next(), 'port'));
  }

  private constructor(program: NativeProgram, port: number) {
    this.#program = program;
    this.port = port;
  }

  get pids(): readonly number[] {
    return [this.#program.pid];
  }

  async expect(): Promise<void> {}

  async received(): Promise<Received> {
    const outcome = await this.#program.next();
    return {
      bytes: number(outcome, 'bytes'),
      lastByteNs: number(outcome, 'last_byte_ns'),
      cpuSeconds: { server: number(outcome, 'cpu_seconds'), worker: 0 },
    };
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
