import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ACCESS_UNIT_HEAD_BYTES,
  StreamType,
  writeAccessUnitHead,
} from '../../../src/protocols/access-unit/index.js';
import { isBuilt, NativeProgram, number, runProgram } from '../../support/native-program.js';
import { seededBytes } from '../processes/payload.mjs';
import { RingReceiver } from './receivers.js';
import type { MediaScenario, MediaSetting, ReceiverKind } from './scenario.js';
import { MediaTrial, type Received, type Receiver, type Sender, type Sent } from './transfer.js';

const PROGRAM = 'rtmp_peer';
/** A frame of 25 a second at 13 Mbit/s. */
const UNIT_BYTES = 65_536;
/** Frames from one keyframe to the next, and the parameter sets before each, as rtmp_peer has them. */
const GROUP = 16;
const SETS = Buffer.from('0000000167aa0000000168ee', 'hex');
const START_CODE = Buffer.from([0, 0, 0, 1]);

/** 64 KB is what the server offers, 128 bytes what a client uses that does not care. */
export const RTMP_SCENARIOS: readonly MediaScenario[] = [
  scenario('RTMP, chunks of 64 KB', 65_536),
  scenario('RTMP, chunks of 128 bytes', 128),
];

function scenario(label: string, chunkBytes: number): MediaScenario {
  return {
    label,
    digestOf: digestOfUnits,
    missing: () =>
      isBuilt(PROGRAM) ? undefined : `${PROGRAM} was not built: cmake --build --preset release.`,
    start: (kind, setting) => start(kind, setting, chunkBytes),
  };
}

async function start(
  kind: ReceiverKind,
  setting: MediaSetting,
  chunkBytes: number,
): Promise<MediaTrial> {
  const payload = join(setting.workspace.folder, 'payload');
  writeFileSync(payload, seededBytes(setting.seed));
  const { realtime } = setting;
  if (kind === 'raw') {
    const sink = await TcpSink.start();
    return new MediaTrial(sink, new RtmpSender({ ...sink, payload, chunkBytes, raw: 1 }, realtime));
  }
  const ring = await RingReceiver.start({ rtmp: { enabled: true, port: 0 } }, setting.workspace);
  const port = ring.portsOf('rtmp')[0] ?? 0;
  return new MediaTrial(ring, new RtmpSender({ port, payload, chunkBytes, raw: 0 }, realtime));
}

interface Sending {
  readonly port: number;
  readonly payload: string;
  readonly chunkBytes: number;
  readonly raw: number;
}

/** rtmp_peer as a client: a fresh process for each transfer, whose clock and CPU time begin when it may
 *  publish, and end when the server has taken everything; raw, when the kernel has. */
class RtmpSender implements Sender {
  readonly pids = [];

  constructor(
    readonly sending: Sending,
    readonly realtime: boolean,
  ) {}

  async send(totalBytes: number): Promise<Sent> {
    const { port, payload, chunkBytes, raw } = this.sending;
    const options = {
      ...{ role: 'sender', port, payload, raw },
      ...{ 'total-bytes': totalBytes, 'unit-bytes': UNIT_BYTES, 'chunk-bytes': chunkBytes },
    };
    const outcome = await runProgram(PROGRAM, options, this.realtime);
    return {
      beginNs: number(outcome, 'begin_ns'),
      sentNs: number(outcome, 'sent_ns'),
      cpuSeconds: number(outcome, 'cpu_seconds'),
    };
  }

  async stop(): Promise<void> {}
}

/** rtmp_peer as a bare sink: a TCP socket whose bytes are counted. */
class TcpSink implements Receiver {
  static async start(): Promise<TcpSink> {
    const program = new NativeProgram(PROGRAM, { role: 'sink' });
    return new TcpSink(program, number(await program.next(), 'port'));
  }

  private constructor(
    readonly program: NativeProgram,
    readonly port: number,
  ) {}

  get pids(): readonly number[] {
    return [this.program.pid];
  }

  async expect(): Promise<void> {}

  async received(): Promise<Received> {
    const outcome = await this.program.next();
    return {
      bytes: number(outcome, 'bytes'),
      lastByteNs: number(outcome, 'last_byte_ns'),
      cpuSeconds: { server: number(outcome, 'cpu_seconds'), worker: 0 },
    };
  }

  stop(): Promise<void> {
    return this.program.stop();
  }
}

/** Of the units that the frames become. */
function digestOfUnits(seed: number, totalBytes: number): string {
  const content = seededBytes(seed);
  const hash = createHash('sha256');
  for (let id = 0; id < totalBytes / UNIT_BYTES; id++) {
    const key = id % GROUP === 0;
    const before = key ? Buffer.concat([SETS, START_CODE]) : START_CODE;
    const unit = Buffer.alloc(UNIT_BYTES);
    before.copy(unit, ACCESS_UNIT_HEAD_BYTES);
    content.copy(unit, ACCESS_UNIT_HEAD_BYTES + before.length);
    writeAccessUnitHead(unit, StreamType.h264, key, id, 0, 0);
    hash.update(unit);
  }
  return hash.digest('hex');
}
