// A worker that reads access units of any number of streams and notes how old each one is: a unit's last 8
// bytes are the CLOCK_MONOTONIC time at which it was sent, in ns. Options: JSON in argv[2].

import { accessUnits, attach } from '../../../dist/worker/index.js';
import { serveParent } from './control.mjs';

const STAMP_BYTES = 8;
const { socket } = JSON.parse(process.argv[2]);
const worker = await attach({ socket, name: 'bench', concurrency: 1000 });
const seen = { streams: 0, ended: 0, units: 0, bytes: 0, gaps: 0, ns: [] };

void worker.run(async ({ request, respond }) => {
  seen.streams++;
  let next = 0;
  for await (const { id, data } of accessUnits(request.body)) {
    const now = process.hrtime.bigint();
    const stamp = Buffer.from(
      data.buffer,
      data.byteOffset + data.length - STAMP_BYTES,
      STAMP_BYTES,
    );
    seen.ns.push(Number(now - stamp.readBigUInt64LE(0)));
    seen.units++;
    seen.bytes += data.length;
    if (id !== next) seen.gaps++;
    next = id + 1;
  }
  seen.ended++;
  await respond(200).end();
});
serveParent({}, { seen: () => seen });
