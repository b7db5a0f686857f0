import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AccessUnitDecoder,
  type DecodedUnit,
} from '../../../../src/protocols/access-unit/index.js';
import { type MediaLoss, RtpReceiver } from '../../../../src/protocols/rtp/index.js';
import {
  FrameSender,
  LossyPath,
  random,
  type SenderFormat,
} from '../../../support/lossy-network.js';

const FORMATS: readonly SenderFormat[] = [
  { codec: 'h264', payloadType: 96, ssrc: 1, clockRate: 90_000, intervalMs: 40 },
  { codec: 'vp8', payloadType: 97, ssrc: 2, clockRate: 90_000, intervalMs: 40 },
  { codec: 'opus', payloadType: 111, ssrc: 3, clockRate: 48_000, intervalMs: 20 },
];
const SECONDS = 20;

/** Twenty seconds of three tracks over a network that loses and reorders in both directions. */
function simulate(seed: number, loss: number, nack: boolean) {
  const chance = random(seed);
  const forth = new LossyPath(chance, loss, 20, 15);
  const back = new LossyPath(chance, loss, 20, 15);
  const senders = FORMATS.map((format) => new FrameSender(format, chance));
  const losses: MediaLoss[] = [];
  const receiver = new RtpReceiver({
    tracks: FORMATS.map((format) => ({ ...format, nack, keyframeRequest: 'pli' as const })),
    ssrc: 99,
    cname: 'receiver',
    onLoss: (one) => losses.push(one),
  });
  const decoder = new AccessUnitDecoder();
  const units: DecodedUnit[] = [];
  const take = (some: readonly Buffer[]) => {
    for (const unit of some) units.push(...decoder.push(unit));
  };
  const sendBack = (nowMs: number) => {
    const rtcp = receiver.feedback(nowMs);
    if (rtcp) back.send(rtcp, nowMs);
  };
  let nowMs = 0;
  for (; nowMs < SECONDS * 1000 + 2000; nowMs++) {
    if (nowMs < SECONDS * 1000) {
      for (const sender of senders) for (const one of sender.due(nowMs)) forth.send(one, nowMs);
    }
    for (const datagram of forth.arrived(nowMs)) {
      take(receiver.push(datagram, nowMs));
      sendBack(nowMs);
    }
    for (const datagram of back.arrived(nowMs)) {
      for (const sender of senders)
        for (const one of sender.onRtcp(datagram)) forth.send(one, nowMs);
    }
    if (nowMs % 20 === 0) {
      take(receiver.poll(nowMs));
      sendBack(nowMs);
    }
  }
  take(receiver.finish(nowMs));
  return { senders, receiver, losses, units, forth };
}

const TYPES: Record<string, number> = { h264: 0x1b, vp8: 0x9d, opus: 0x9c };

/** Checks that each sent frame is whole among the units, or was reported. Returns how many are whole. */
function account({ senders, losses, units }: ReturnType<typeof simulate>): number[] {
  assert.deepEqual(
    units.map(({ id }) => id),
    units.map((_, index) => index),
  );
  return senders.map(({ format, frames }, track) => {
    const mine = units.filter(({ streamType }) => streamType === TYPES[format.codec]);
    const own = losses.filter((loss) => loss.track === track);
    const dropped = new Set(own.flatMap((loss) => (loss.kind === 'frame' ? [loss.timestamp] : [])));
    const missing = new Set<number>();
    for (const loss of own) {
      if (loss.kind !== 'packets') continue;
      for (let index = 0; index < loss.count; index++) missing.add((loss.from + index) & 0xffff);
    }
    let at = 0;
    for (const [index, { data, key, timestamp, sequences }] of frames.entries()) {
      const unit = mine[at];
      if (unit && unit.key === key && data.equals(unit.data)) {
        at++;
        continue;
      }
      const isReported = dropped.has(timestamp) || sequences.some((one) => missing.has(one));
      // Nobody can miss what came before the first packet, or after the last one.
      const isBorder = at === 0 || index > frames.length - 4;
      assert.ok(isReported || isBorder, `${format.codec}: frame ${index} has vanished`);
    }
    assert.equal(at, mine.length, `${format.codec}: a unit that was not sent`);
    return at;
  });
}

for (const loss of [0, 0.02, 0.1]) {
  test(`${loss * 100} % loss, NACK: each frame is whole or reported, and nearly all are whole`, () => {
    for (let seed = 1; seed <= 8; seed++) {
      const run = simulate(seed, loss, true);
      const whole = account(run);
      for (const [track, sender] of run.senders.entries()) {
        const part = (whole[track] as number) / sender.frames.length;
        const least = loss === 0 ? 0.99 : loss === 0.02 ? 0.97 : 0.8;
        assert.ok(part >= least, `seed ${seed}, ${sender.format.codec}: ${part}`);
      }
      const recovered = run.receiver.stats().reduce((sum, one) => sum + one.recoveredPackets, 0);
      if (loss > 0)
        assert.ok(recovered > run.forth.lost / 2, `seed ${seed}: ${recovered} recovered`);
    }
  });

  test(`${loss * 100} % loss, no NACK: each frame is whole or reported, keyframes bring it back`, () => {
    for (let seed = 1; seed <= 8; seed++) {
      const run = simulate(seed, loss, false);
      const whole = account(run);
      for (const [track, sender] of run.senders.entries()) {
        const isVideo = sender.format.codec !== 'opus';
        if (isVideo) assert.ok(sender.keyframeRequests > 0, 'at the start at least');
        const part = (whole[track] as number) / sender.frames.length;
        const least = loss === 0 ? 0.99 : isVideo ? 0.05 : 0.85;
        assert.ok(part >= least, `seed ${seed}, ${sender.format.codec}: ${part}`);
      }
    }
  });
}
