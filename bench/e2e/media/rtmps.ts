import { Child } from '../child.js';
import { ChildSender } from './child-sender.js';
import { NodeMediaServer, nodeMediaServerMissing } from './node-media-server.js';
import { RingReceiver, SinkReceiver } from './receivers.js';
import { digestOfUnits, UNIT_BYTES } from './rtmp-units.js';
import type { MediaScenario, MediaSetting, ReceiverKind } from './scenario.js';
import { MediaTrial, type Receiver } from './transfer.js';

const CHUNK_BYTES = 65_536;

/** Both of them read by TLS of Node.js, as the client writes. */
export const RTMPS_SCENARIOS: readonly MediaScenario[] = [
  {
    label: 'RTMPS, chunks of 64 KB',
    peer: NodeMediaServer.NAME,
    digestOf: digestOfUnits,
    missing: (kind) => (kind === 'peer' ? nodeMediaServerMissing() : undefined),
    start,
  },
];

/** How the client knows that it is done: see rtmps-client.mjs. */
type End = 'answer' | 'close' | 'raw';

async function start(kind: ReceiverKind, { seed, workspace }: MediaSetting): Promise<MediaTrial> {
  const { certFile, keyFile } = workspace;
  const trial = async (receiver: Receiver, port: number, end: End) => {
    const sending = { port, seed, unitBytes: UNIT_BYTES, chunkBytes: CHUNK_BYTES, end };
    return new MediaTrial(receiver, new ChildSender(await Child.start('rtmps-client', sending)));
  };
  if (kind === 'raw') {
    const sink = await Child.start<{ port: number }>('tls-sink', { certFile, keyFile });
    return trial(new SinkReceiver(sink), sink.ready.port, 'raw');
  }
  if (kind === 'peer') {
    const peer = await NodeMediaServer.start(workspace);
    return trial(peer, peer.ports.rtmps, 'close');
  }
  const tls = { port: 0, certFile, keyFile };
  const rtmp = { enabled: true, plain: false, tls };
  const ring = await RingReceiver.start({ rtmp }, workspace);
  return trial(ring, ring.portsOf('rtmp')[0] ?? 0, 'answer');
}
