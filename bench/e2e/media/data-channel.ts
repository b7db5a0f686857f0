import { webRtcProblem } from '../../../src/transports/webrtc/engine.js';
import { Child } from '../child.js';
import { ChildSender } from './child-sender.js';
import { RingReceiver, SinkReceiver } from './receivers.js';
import type { MediaScenario, MediaSetting, ReceiverKind } from './scenario.js';
import { MediaTrial } from './transfer.js';

/** As large as the server's with `highThroughput`. */
const ETHERNET_MTU = 1500;

export const DATA_CHANNEL_SCENARIOS: readonly MediaScenario[] = [
  scenario('WebRTC data channel', false),
  scenario('WebRTC data channel, highThroughput', true),
];

function scenario(label: string, highThroughput: boolean): MediaScenario {
  return {
    label,
    missing: () => {
      const problem = webRtcProblem(1);
      return problem && `${problem.message}. ${problem.remedy}`;
    },
    start: (kind, setting) => start(kind, setting, highThroughput),
  };
}

async function start(
  kind: ReceiverKind,
  { seed, workspace }: MediaSetting,
  highThroughput: boolean,
): Promise<MediaTrial> {
  const options = highThroughput ? { mtu: ETHERNET_MTU } : {};
  const client = await Child.start('data-channel-client', { ...options, seed });
  const sdp = await client.ask<string>('offer');
  if (kind === 'raw') {
    const sink = await Child.start('data-channel-sink', options);
    await client.ask('accept', { sdp: await sink.ask<string>('answer', { sdp }) });
    return new MediaTrial(new SinkReceiver(sink), new ChildSender(client));
  }
  const webrtc = { enabled: true, highThroughput };
  const receiver = await RingReceiver.start({ webrtc }, workspace);
  const [port] = receiver.portsOf('http1');
  const response = await fetch(`http://127.0.0.1:${port}/whip/bench`, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp' },
    body: sdp,
  });
  const answer = await response.text();
  if (response.status !== 201) throw new Error(`WHIP: ${response.status} ${answer}`);
  await client.ask('accept', { sdp: answer });
  return new MediaTrial(receiver, new ChildSender(client));
}
