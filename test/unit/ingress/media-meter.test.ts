import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MediaMeter } from '../../../src/ingress/index.js';
import { MediaCounters } from '../../../src/ingress/media-stats.js';
import { streamFactsSchema } from '../../../src/ingress/stream-facts.js';

const FRAME = { units: 1, bytes: 1000, keyframes: 0 };

/** So much video at 25 frames a second, in frames, that came at `now`. */
function video(meter: MediaMeter, fromMs: number, frames: number, now = 0): void {
  for (let i = 0; i < frames; i++) meter.video({ ...FRAME, dtsMs: fromMs + i * 40 }, now);
}

test('rates are those of the media, however fast it comes', () => {
  const meter = new MediaMeter();
  meter.videoIs({ codec: 'h264', width: 1920, height: 1080 });
  meter.audioIs({ codec: 'aac', sampleRate: 48_000, channels: 2 });
  video(meter, 5000, 4);
  assert.equal(meter.facts(0).video?.framesPerSecond, null, 'too little has come');
  video(meter, 5160, 120);
  for (let i = 0; i < 200; i++) meter.audio({ ...FRAME, bytes: 200, dtsMs: i * 20 }, 0);
  const facts = meter.facts(300);
  assert.equal(facts.video?.framesPerSecond, 25);
  assert.equal(facts.video?.bitsPerSecond, 200_000);
  assert.deepEqual([facts.video?.width, facts.video?.height], [1920, 1080]);
  assert.equal(facts.audio?.bitsPerSecond, 80_000);
  assert.equal(facts.video?.silentMs, 300);
  assert.deepEqual([facts.video?.units, facts.video?.bytes], [124, 124_000]);
});

test('batches count like single units, and the newest whole window counts', () => {
  const meter = new MediaMeter();
  meter.videoIs({ codec: 'h265' });
  video(meter, 0, 1);
  for (let i = 1; i <= 10; i++) {
    meter.video({ units: 50, bytes: 10_000, keyframes: 1, dtsMs: i * 1000 }, i);
  }
  assert.equal(meter.facts(10).video?.framesPerSecond, 50);
  assert.equal(meter.facts(15).video?.keyframeAgeMs, 5);
  for (let i = 11; i <= 14; i++) {
    meter.video({ units: 10, bytes: 10_000, keyframes: 0, dtsMs: i * 1000 }, i);
  }
  assert.equal(meter.facts(14).video?.framesPerSecond, 10);
});

test('times that jump begin a new window and make no rate of their own', () => {
  const meter = new MediaMeter();
  meter.videoIs({ codec: 'h264' });
  video(meter, 0, 60);
  for (const jump of [-5000, 1e12, 0]) video(meter, jump, 60);
  assert.equal(meter.facts(0).video?.framesPerSecond, 25);
});

test('a publisher that is gone and comes back', () => {
  const meter = new MediaMeter();
  meter.videoIs({ codec: 'h264' });
  video(meter, 0, 60);
  meter.gone(1000);
  assert.equal(meter.facts(1250).waitingMs, 250);
  meter.continued();
  meter.dropped(3);
  video(meter, 9000, 60);
  const facts = meter.facts(2000);
  assert.deepEqual([facts.waitingMs, facts.continued, facts.dropped], [null, 1, 3]);
  assert.equal(facts.video?.framesPerSecond, 25);
  streamFactsSchema.shape.media.parse(facts);
});

test('streams are added up by codec, those too that have ended', () => {
  const counters = new MediaCounters();
  assert.equal(counters.stats([]), undefined);
  const meter = new MediaMeter();
  meter.videoIs({ codec: 'h264' });
  meter.video({ units: 2, bytes: 10, keyframes: 1, dtsMs: 0 }, 0);
  counters.ended(meter.facts(0));
  meter.gone(0);
  const stats = counters.stats([meter.facts(500), meter.facts(100)]);
  assert.deepEqual(stats?.tracks, { h264: 2 });
  assert.deepEqual(stats?.unitsTotal, { h264: 6 });
  assert.deepEqual([stats?.keyframesTotal, stats?.waiting, stats?.oldestKeyframeMs], [3, 2, 500]);
  assert.deepEqual(counters.stats([])?.tracks, { h264: 0 });
});
