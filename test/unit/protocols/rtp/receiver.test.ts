import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AccessUnitDecoder } from '../../../../src/protocols/access-unit/index.js';
import {
  type MediaLoss,
  parseRtcp,
  type Reached,
  RtpReceiver,
  type TrackOptions,
  writeBye,
  writeSenderReport,
} from '../../../../src/protocols/rtp/index.js';
import { annexB, nalUnit, PPS, rtpPacket, SPS, stapA } from '../../../support/rtp-packets.js';

const VIDEO: TrackOptions = {
  ...{ codec: 'h264', payloadType: 96, clockRate: 90_000, nack: true, keyframeRequest: 'pli' },
};
const AUDIO: TrackOptions = { codec: 'opus', payloadType: 111, clockRate: 48_000 };
const KEY = stapA(SPS, PPS, nalUnit(5, 20));
const P = nalUnit(1, 20);
const OPUS = Buffer.from('78aabb', 'hex');

class Session {
  readonly losses: MediaLoss[] = [];
  readonly receiver: RtpReceiver;

  constructor(tracks: readonly TrackOptions[] = [VIDEO, AUDIO], after?: Reached) {
    const onLoss = (loss: MediaLoss) => this.losses.push(loss);
    this.receiver = new RtpReceiver({ tracks, ssrc: 99, cname: 'us', onLoss, after });
  }

  video(sequence: number, nowMs: number, payload = P, fields: object = {}) {
    const own = { payloadType: 96, ssrc: 1, marker: true, timestamp: sequence * 3600 };
    return this.push(rtpPacket(payload, { ...own, sequence, ...fields }), nowMs);
  }

  audio(sequence: number, nowMs: number, fields: object = {}) {
    const own = { payloadType: 111, ssrc: 2, timestamp: sequence * 960 };
    return this.push(rtpPacket(OPUS, { ...own, sequence, ...fields }), nowMs);
  }

  push(datagram: Buffer, nowMs: number) {
    const units = this.receiver.push(datagram, nowMs);
    return units.flatMap((unit) => new AccessUnitDecoder().push(unit));
  }

  times(units: ReturnType<Session['push']>): number[] {
    return units.map(({ dts, pts }) => {
      assert.equal(dts, pts);
      return pts;
    });
  }

  feedback(nowMs: number) {
    const datagram = this.receiver.feedback(nowMs);
    return datagram && parseRtcp(datagram);
  }
}

test('datagrams become access units; the tracks share their counter and their clock', () => {
  const session = new Session();
  const [key] = session.video(0, 1000, KEY);
  assert.ok(key);
  const { data, ...head } = key;
  assert.deepEqual(head, {
    streamType: 0x1b,
    key: true,
    track: 0,
    id: 0,
    dts: 0,
    pts: 0,
    size: data.length,
  });
  assert.deepEqual(Buffer.from(data), annexB(SPS, PPS, nalUnit(5, 20)));
  const [sound] = session.audio(0, 1005);
  assert.deepEqual([sound?.streamType, sound?.id, sound?.pts], [0x9c, 1, 5]);
  assert.deepEqual(Buffer.from(sound?.data ?? []), OPUS);
  const [next] = session.video(1, 1060);
  assert.deepEqual([next?.id, next?.pts], [2, 40], 'by the time stamp, not by the arrival');
});

test('a keyframe is asked for at the start, and again while none comes', () => {
  const session = new Session();
  assert.equal(session.feedback(0), undefined, 'nobody is there to be asked');
  session.video(0, 0);
  const types = (nowMs: number) => session.feedback(nowMs)?.map(({ type }) => type);
  assert.deepEqual(types(0), ['receiver-report', 'other', 'pli']);
  assert.equal(types(499), undefined);
  assert.deepEqual(types(500), ['receiver-report', 'other', 'pli']);
  session.video(1, 600, KEY);
  assert.deepEqual(types(1000), ['receiver-report', 'other'], 'a report each second');
  const bySequence = new Session([{ ...VIDEO, keyframeRequest: 'fir' }]);
  bySequence.video(0, 0);
  const asked = [0, 500].map((nowMs) => bySequence.feedback(nowMs)?.at(-1));
  assert.deepEqual(
    asked,
    [0, 1].map((sequence) => ({ type: 'fir', ssrc: 99, requests: [{ ssrc: 1, sequence }] })),
  );
  const mute = new Session([{ ...VIDEO, keyframeRequest: undefined }]);
  mute.video(0, 0);
  assert.deepEqual(mute.feedback(0)?.length, 2);
});

test('who takes REMB is told what it may send: at once, and with each report', () => {
  const session = new Session([{ ...VIDEO, keyframeRequest: undefined, remb: true }, AUDIO]);
  const told = (nowMs: number) => session.feedback(nowMs)?.slice(2);
  session.receiver.maxBitsPerSecond = 600_000;
  session.audio(0, 0);
  assert.deepEqual(told(0), [], 'its sound does not take it');
  session.video(0, 100, KEY);
  const remb = { type: 'remb', ssrc: 99, bitsPerSecond: 600_000, ssrcs: [1] };
  assert.deepEqual(told(100), [remb], 'not only with the next report');
  assert.equal(told(999), undefined);
  session.receiver.maxBitsPerSecond = 300_000;
  assert.deepEqual(told(1000), [{ ...remb, bitsPerSecond: 300_000 }]);
  session.receiver.maxBitsPerSecond = 0;
  assert.deepEqual(told(2000), []);
  session.receiver.maxBitsPerSecond = 300_000;
  session.push(writeBye([1]), 2500);
  session.video(0, 2600, KEY, { ssrc: 7 });
  assert.deepEqual(told(2600), [{ ...remb, bitsPerSecond: 300_000, ssrcs: [7] }], 'another source');
});

test('a missing packet is asked for; what never comes is reported, and a keyframe asked for', () => {
  const session = new Session();
  session.video(0, 0, KEY);
  session.feedback(0);
  assert.deepEqual(session.video(2, 40), []);
  assert.deepEqual(session.feedback(50)?.at(-1), {
    ...{ type: 'nack', ssrc: 99, mediaSsrc: 1, sequences: [1] },
  });
  assert.deepEqual(session.video(1, 60).length, 2);
  assert.deepEqual(session.losses, []);
  session.video(4, 100);
  assert.deepEqual(session.receiver.poll(599), []);
  assert.deepEqual(session.receiver.poll(600), []);
  assert.deepEqual(session.losses, [
    { kind: 'packets', track: 0, from: 3, count: 1 },
    { kind: 'frame', track: 0, timestamp: 4 * 3600, dropped: 'undecodable' },
  ]);
  assert.equal(session.feedback(600)?.at(-1)?.type, 'pli');
  const [stats] = session.receiver.stats();
  assert.deepEqual([stats?.recoveredPackets, stats?.lostPackets], [1, 1]);
  assert.deepEqual([stats?.frames, stats?.keyframes, stats?.undecodableFrames], [3, 1, 1]);
});

test('sound goes on at once after a gap that nobody sends again', () => {
  const session = new Session();
  session.audio(0, 0);
  assert.deepEqual(session.audio(2, 40), []);
  assert.equal(session.feedback(50)?.length, 2, 'the report, no NACK');
  assert.equal(session.receiver.poll(139).length, 0);
  assert.equal(session.receiver.poll(140).length, 1);
  assert.deepEqual(session.losses, [{ kind: 'packets', track: 1, from: 1, count: 1 }]);
});

test('sender reports align the tracks: the early one is delayed, nothing goes back', () => {
  const session = new Session();
  session.video(0, 0, KEY);
  // The sound was recorded 100 ms before, and came at the same time.
  session.audio(0, 0);
  const report = (ssrc: number, ntpMs: number, rtpTimestamp: number) =>
    session.push(writeSenderReport(ssrc, { ntpMs, rtpTimestamp, packets: 1, octets: 1 }), 10);
  report(1, 3_900_000_000_000, 0);
  report(2, 3_900_000_000_000, 4800);
  assert.deepEqual(session.times(session.video(1, 40)), [140]);
  assert.deepEqual(session.times(session.audio(1, 20)), [20]);
  report(2, 1000, 4800);
  assert.deepEqual(session.times(session.audio(2, 60)), [40], 'a report from 1900 is not believed');
  report(2, 3_900_000_000_000 - 10, 4800);
  assert.deepEqual(session.times(session.audio(3, 60)), [60], '10 ms are nothing');
});

test('reports answer the sender, with loss and the time since its own report', () => {
  const session = new Session();
  session.video(0, 0, KEY);
  session.push(
    writeSenderReport(1, { ntpMs: 0x8000 * 1000, rtpTimestamp: 0, packets: 1, octets: 1 }),
    100,
  );
  session.video(3, 120);
  const [report] = session.feedback(600) ?? [];
  assert.ok(report?.type === 'receiver-report');
  assert.equal(report.reports.length, 1, 'the sound has not begun');
  const [block] = report.reports;
  assert.deepEqual([block?.ssrc, block?.fractionLost, block?.cumulativeLost], [1, 128, 2]);
  assert.deepEqual([block?.lastReport, block?.delay], [0x80000000, 32_768]);
});

test('a track belongs to its source until that one has gone or fallen silent', () => {
  const session = new Session();
  session.video(0, 0, KEY);
  assert.deepEqual(session.video(1, 40, P, { ssrc: 7 }), []);
  assert.equal(session.receiver.unknown, 1);
  session.push(writeBye([5, 1]), 50);
  const [frame] = session.video(40_000, 60, KEY, { ssrc: 7, timestamp: 5 });
  assert.ok(frame?.key, 'no packet of the new source is dropped');
  assert.equal(frame.pts, 60);
  assert.equal(session.video(40_001, 100, P, { ssrc: 7, timestamp: 3605 })[0]?.pts, 100);
  assert.deepEqual(session.video(2, 2099, KEY), []);
  assert.equal(session.video(3, 2100, KEY, { timestamp: 9 })[0]?.pts, 2100);
});

test('a sender that begins again with the same source is followed', () => {
  const session = new Session();
  session.video(0, 0, KEY);
  session.video(30_000, 40, KEY);
  assert.equal(session.video(30_001, 80, KEY).length, 1);
  assert.equal(session.video(30_002, 120).length, 1);
});

test('counts go on when a sender begins again', () => {
  const session = new Session();
  session.video(10, 0, KEY);
  session.video(11, 40);
  session.video(40_000, 80);
  session.video(40_001, 120);
  assert.equal(
    session.receiver.stats()[0]?.packets,
    3,
    'the first one after the jump is not taken',
  );
});

test('what is no RTP of this session is counted, and does no harm', () => {
  const session = new Session();
  const datagrams = ['', '00', '80', '1603', '80e0', '80c9ffff', '8060000100000000000000'];
  for (const text of datagrams) {
    assert.deepEqual(session.push(Buffer.from(text, 'hex'), 0), []);
  }
  assert.equal(session.receiver.malformed, datagrams.length);
  session.video(0, 0, KEY, { payloadType: 50 });
  assert.equal(session.receiver.unknown, 1);
  assert.equal(session.feedback(0), undefined);
});

test('what is left comes out at the end', () => {
  const session = new Session();
  session.video(0, 0, KEY);
  session.video(2, 40, KEY);
  session.video(4, 40, KEY, { marker: false });
  assert.equal(session.receiver.finish(50).length, 1);
  assert.deepEqual(
    session.losses.map(({ kind }) => kind),
    ['packets', 'packets', 'frame'],
  );
});

test('two tracks of one payload type are refused', () => {
  assert.throws(() => new Session([VIDEO, VIDEO]), { code: 'INVALID_ARGUMENT' });
});

test('a keyframe is asked for when it is wanted, and when none has come for its time', () => {
  const pli = (session: Session, nowMs: number) =>
    (session.feedback(nowMs) ?? []).some(({ type }) => type === 'pli');
  const session = new Session([{ ...VIDEO, keyframeIntervalMs: 5000 }]);
  session.video(1, 0, KEY);
  assert.equal(pli(session, 1), false);
  session.receiver.requestKeyframe();
  assert.equal(pli(session, 2), true);
  assert.equal(pli(session, 3), false);
  assert.equal(pli(session, 600), true);
  session.video(2, 1000, KEY);
  assert.equal(pli(session, 2000), false);
  assert.equal(pli(session, 5999), false);
  assert.equal(pli(session, 6000), true);
  session.video(3, 6100, KEY);
  assert.equal(pli(session, 7000), false);
});

test('a receiver behind another one goes on: ids, and times by the time that has passed', () => {
  const first = new Session();
  first.video(0, 1000, KEY);
  // This sender's clock is ahead of ours.
  const [ahead] = first.video(1, 1010, P, { timestamp: 5 * 90_000 });
  assert.deepEqual([ahead?.id, ahead?.pts], [1, 5000]);
  const { reached } = first.receiver;
  assert.deepEqual(reached, { units: 2, startMs: 1000, latestMs: 6000 });

  const second = new Session([VIDEO, AUDIO], reached);
  assert.deepEqual(second.video(7, 3000), [], 'what came before it is not there');
  const [key] = second.video(8, 3040, KEY);
  assert.deepEqual([key?.id, key?.pts], [2, 5001], 'no time lies before those of the first one');
  const [sound] = second.audio(0, 9000);
  assert.deepEqual([sound?.id, sound?.pts], [3, 8000], 'by the time that has passed');
  const [early] = second.video(9, 3080, P, { timestamp: 0 });
  assert.deepEqual([early?.id, early?.pts], [4, 5001]);
});

test('a receiver that had nothing hands on what the one before it had', () => {
  const first = new Session();
  first.video(0, 1000, KEY);
  const silent = new Session([VIDEO], first.receiver.reached);
  const third = new Session([VIDEO], silent.receiver.reached);
  const [key] = third.video(0, 4000, KEY);
  assert.deepEqual([key?.id, key?.pts], [1, 3000]);
});
