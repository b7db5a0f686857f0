import { median, spread } from '../../support/statistics.js';
import { MB } from '../sizes.js';
import type { MediaScenario, ReceiverKind } from './scenario.js';
import type { MediaOutcome } from './transfer.js';

export const MEDIA_COLUMNS: readonly string[] = [
  ...['transfer', 'ring MB/s', 'spread', 'raw MB/s', 'ratio', 'sent: ring', 'raw'],
  ...['lost bytes: ring', 'raw', 'CPU ring: client', 'server', 'worker'],
  ...['CPU raw: client', 'sink', 'peer MB/s: received', 'sent'],
];

/** One row of the table 'media'. */
export interface MediaRow {
  readonly cells: readonly string[];
  readonly data: Readonly<Record<string, number | string>>;
}

/** Of a scenario that cannot be measured here. */
export function missingRow({ label }: MediaScenario): MediaRow {
  const cells = MEDIA_COLUMNS.map((_, i) => [label, 'not built'][i] ?? '');
  return { cells, data: { label, missing: 'not built' } };
}

/** The medians of one scenario and size. */
export function rowOf(
  { label: name, peer }: MediaScenario,
  { ring, raw, peer: ofPeer }: Record<ReceiverKind, MediaOutcome[]>,
): MediaRow {
  const received = (outcomes: readonly MediaOutcome[]) =>
    outcomes.map(({ receivedBytesPerSecond }) => receivedBytesPerSecond);
  const sent = (outcomes: readonly MediaOutcome[]) =>
    median(outcomes.map(({ sentBytesPerSecond }) => sentBytesPerSecond));
  const lost = (outcomes: readonly MediaOutcome[]) =>
    median(outcomes.map(({ lostBytes }) => lostBytes));
  const cpu = (outcomes: readonly MediaOutcome[], who: 'client' | 'server' | 'worker') =>
    median(outcomes.map(({ cpuSecondsPerGb }) => cpuSecondsPerGb[who]));
  const label = `${name}, ${Math.round((ring[0]?.totalBytes ?? 0) / MB)} MB`;
  const ringRates = received(ring);
  const rawRates = received(raw);
  const data = {
    label,
    ringReceivedBytesPerSecond: median(ringRates),
    rawReceivedBytesPerSecond: median(rawRates),
    ratio: median(ringRates.map((rate, i) => rate / (rawRates[i] ?? Number.NaN))),
    spread: spread(ringRates),
    ringSentBytesPerSecond: sent(ring),
    rawSentBytesPerSecond: sent(raw),
    ringLostBytes: lost(ring),
    rawLostBytes: lost(raw),
    ringClientCpuSecondsPerGb: cpu(ring, 'client'),
    ringServerCpuSecondsPerGb: cpu(ring, 'server'),
    ringWorkerCpuSecondsPerGb: cpu(ring, 'worker'),
    rawClientCpuSecondsPerGb: cpu(raw, 'client'),
    rawSinkCpuSecondsPerGb: cpu(raw, 'server'),
    ...(ofPeer.length > 0 && {
      peer: peer ?? '',
      peerReceivedBytesPerSecond: median(received(ofPeer)),
      peerSentBytesPerSecond: sent(ofPeer),
      peerLostBytes: lost(ofPeer),
    }),
  };
  return { data, cells: cellsOf(data) };
}

function cellsOf(data: Readonly<Record<string, number | string>>): readonly string[] {
  const value = (key: string) => Number(data[key]);
  const rate = (key: string) => (value(key) / MB).toFixed(0);
  const fixed = (key: string) => value(key).toFixed(2);
  const { peer = '', peerLostBytes = 0 } = data;
  const lost = peerLostBytes === 0 ? '' : `, ${peerLostBytes} bytes lost`;
  return [
    String(data.label),
    rate('ringReceivedBytesPerSecond'),
    `${(value('spread') * 100).toFixed(0)} %`,
    rate('rawReceivedBytesPerSecond'),
    fixed('ratio'),
    rate('ringSentBytesPerSecond'),
    rate('rawSentBytesPerSecond'),
    String(data.ringLostBytes),
    String(data.rawLostBytes),
    fixed('ringClientCpuSecondsPerGb'),
    fixed('ringServerCpuSecondsPerGb'),
    fixed('ringWorkerCpuSecondsPerGb'),
    fixed('rawClientCpuSecondsPerGb'),
    fixed('rawSinkCpuSecondsPerGb'),
    peer === '' ? '' : `${rate('peerReceivedBytesPerSecond')} (${peer}${lost})`,
    peer === '' ? '' : rate('peerSentBytesPerSecond'),
  ];
}
