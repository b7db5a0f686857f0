import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isBuilt, NativeProgram, number, runProgram } from '../../support/native-program.js';
import { seededBytes } from '../processes/payload.mjs';
import { NodeMediaServer, nodeMediaServerMissing } from './node-media-server.js';
import { RingReceiver } from './receivers.js';
import { digestOfUnits, UNIT_BYTES } from './rtmp-units.js';
import type { MediaScenario, MediaSetting, ReceiverKind } from './scenario.js';
import { MediaTrial, type Received, type Receiver, type Sender, type Sent } from './transfer.js';

const PROGRAM = 'rtmp_peer';

/** 64 KB is what the server offers, 128 bytes what a client uses that does not care. */
export const RTMP_SCENARIOS: readonly MediaScenario[] = [
  scenario('RTMP, chunks of 64 KB', 65_536),
  scenario('RTMP, chunks of 128 bytes', 128),
];

function scenario(label: string, chunkBytes: number): MediaScenario {
  return {
    label,
    peer: NodeMediaServer.NAME,
    digestOf: digestOfUnits,
    missing: (kind) => {
      if (kind === 'peer') return nodeMediaServerMissing();
      return isBuilt(PROGRAM)
        ? undefined
        : `${PROGRAM} was not built: cmake --build --preset release.`;
    },
    start: (kind, setting) => start(kind, setting, chunkBytes),
  };
}

async function start(
  kind: ReceiverKind,
  { realtime, seed, workspace }: MediaSetting,
  chunkBytes: number,
): Promise<MediaTrial> {
  const payload = join(workspace.folder, 'payload');
  writeFileSync(payload, seededBytes(seed));
  const trial = (receiver: Receiver, port: number, end: Partial<Sending>) =>
    new MediaTrial(receiver, new RtmpSender({ port, payload, chunkBytes, ...end }, realtime));
  if (kind === 'raw') {
    const sink = await TcpSink.start();
    return trial(sink, sink.port, { raw: 1 });
  }
  if (kind === 'peer') {
    const peer = await NodeMediaServer.start(workspace);
    return trial(peer, peer.ports.rtmp, { 'until-close': 1 });
  }
  const ring = await RingReceiver.start({ rtmp: { enabled: true, port: 0 } }, workspace);
  return trial(ring, ring.portsOf('rtmp')[0] ?? 0, {});
}

interface Sending {
  readonly port: number;
  readonly payload: string;
  readonly chunkBytes: number;
  readonly raw?: number;
  readonly 'until-close'?: number;
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
    const { chunkBytes, ...sending } = this.sending;
    const options = {
      ...{ role: 'sender', ...sending, 'chunk-bytes': chunkBytes },
      ...{ 'total-bytes': totalBytes, 'unit-bytes': UNIT_BYTES },
    };
    const outcome = await runProgram(PROGRAM, options, this.realtime);
    return {
      beginNs: number(outcome, 'begin_ns'),
      sentNs: number(outcome, 'sent_ns'),
      cpuSeconds: number(outcome, 'cpu_seconds'),
      ...(sending.raw === undefined && { wireBytes: number(outcome, 'wire_bytes') }),
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
