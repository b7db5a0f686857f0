// Publishers of access units at a steady rate, as encoders send them, over one protocol. Options: JSON in
// argv[2]: `publisher`, which is one of those below, `port`, and what that one wants besides.

import { setTimeout as delay } from 'node:timers/promises';
import { serveParent } from './control.mjs';

const { publisher, ...options } = JSON.parse(process.argv[2]);

/** By name, where each one is: what need not be loaded is not. */
const FILES = {
  ...{ rtmp: 'rtmp', srt: 'sockets', tcp: 'sockets', websocket: 'sockets' },
  ...{ http1: 'http', http2: 'http', http3: 'http' },
  ...{ dataChannel: 'webrtc', webrtcMedia: 'webrtc' },
};
const { [publisher]: open } = await import(`./publishers/${FILES[publisher]}.mjs`);

/** One that sends `frames` frames, each in its time. */
async function publish(one, load, offsetMs) {
  if (one.run) return one.run(load);
  const { fps, frames, bytes } = load;
  const start = performance.now() + offsetMs;
  for (let id = 0; id < frames; id++) {
    const wait = start + (id * 1000) / fps - performance.now();
    if (wait > 0) await delay(wait);
    one.send(id, fps, bytes);
  }
}

let publishers = [];

serveParent(
  {},
  {
    async open({ count, ...load }) {
      for (let index = 0; index < count; index++) {
        publishers.push(await open(index, { ...options, ...load }));
      }
    },
    async run(load) {
      const step = 1000 / load.fps / publishers.length;
      await Promise.all(publishers.map((one, index) => publish(one, load, index * step)));
    },
    async end() {
      await Promise.all(publishers.map((one) => one.end()));
      publishers = [];
    },
  },
);
