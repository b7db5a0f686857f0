// A worker for media ingest, where no answer carries the count: it compares every slot with its XXH3-64,
// counts, and tells the parent when the last byte came. Options: JSON in argv[2].

import { attach } from '../../../dist/worker/index.js';
import { serveParent } from './control.mjs';
import { Receipt } from './receipt.mjs';

const { socket } = JSON.parse(process.argv[2]);
const worker = await attach({ socket, name: 'bench', verify: true });
const receipt = new Receipt();

void worker.run(async ({ request, respond }) => {
  try {
    for await (const chunk of request.body) receipt.add(chunk.bytes);
    receipt.end();
  } catch (error) {
    receipt.fail(error);
    throw error;
  }
  await respond(200).end();
});
serveParent({}, receipt.handlers);
