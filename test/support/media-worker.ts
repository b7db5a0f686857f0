/**
 * A worker for tests of media: writes what the access units of each request hold to files, one for each
 * stream type, and reports by IPC. Arguments: control socket, folder.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { attach } from '../../src/worker/index.js';

const HEAD_BYTES = 30;
const [socket = '', folder = ''] = process.argv.slice(2);
const worker = await attach({ socket });
let count = 0;

process.send?.({ event: 'ready' });
await worker.run(async ({ request, respond }) => {
  const { path, headers } = request.head;
  const prefix = join(folder, `media-${count++}-`);
  const units: {
    type: number;
    key: boolean;
    track: number;
    id: number;
    dts: number;
    pts: number;
    size: number;
  }[] = [];
  const files = new Set<string>();
  let waiting = Buffer.alloc(0);
  process.send?.({ event: 'opened', path, headers });
  try {
    for await (const { bytes } of request.body) {
      waiting = Buffer.concat([waiting, bytes]);
      let at = 0;
      while (waiting.length - at >= HEAD_BYTES) {
        const size = waiting.readUInt32BE(at + 26);
        if (waiting.length - at < HEAD_BYTES + size) break;
        const type = waiting[at] as number;
        units.push({
          type,
          key: ((waiting[at + 1] as number) & 1) === 1,
          track: (waiting[at + 1] as number) >> 1,
          id: Number(waiting.readBigUInt64BE(at + 2)),
          dts: Number(waiting.readBigInt64BE(at + 10)),
          pts: Number(waiting.readBigInt64BE(at + 18)),
          size,
        });
        const file = `${prefix}${type}`;
        files.add(file);
        appendFileSync(file, waiting.subarray(at + HEAD_BYTES, at + HEAD_BYTES + size));
        at += HEAD_BYTES + size;
      }
      waiting = waiting.subarray(at);
      process.send?.({ event: 'units', path, count: units.length });
    }
  } catch (error) {
    process.send?.({ event: 'aborted', path, units, code: (error as { code?: string }).code });
    throw error;
  }
  const { trailers } = request;
  process.send?.({
    ...{ event: 'body', path, headers, trailers, units },
    ...{ files: [...files], rest: waiting.length },
  });
  await respond(200).end();
});
