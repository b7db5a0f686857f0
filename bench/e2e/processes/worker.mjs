// A worker that hashes every byte of a request (each slot is compared with its XXH3-64), counts them, and
// answers with the count. "x-digest": with the SHA-256 of the body too; "x-small": with 1 KB in place of
// that. Options: JSON in argv[2].

import { createHash } from 'node:crypto';
import { attach } from '../../../dist/worker/index.js';
import { serveParent } from './control.mjs';
import { SMALL_BYTES } from './payload.mjs';
import { Ages } from './samples.mjs';

const { socket } = JSON.parse(process.argv[2]);
const worker = await attach({ socket, name: 'bench', verify: true });
const ages = new Ages();

const smallAnswer = Buffer.alloc(SMALL_BYTES, 'a');

async function answer({ request, respond }) {
  const stamped = request.header('x-stamped') !== undefined;
  const digest = request.header('x-digest') === undefined ? undefined : createHash('sha256');
  let bytes = 0;
  for await (const chunk of request.body) {
    if (bytes === 0 && stamped) ages.add(chunk.bytes);
    bytes += chunk.length;
    digest?.update(chunk.bytes);
  }
  const small = request.header('x-small') !== undefined;
  const body = small ? smallAnswer : JSON.stringify({ bytes, sha256: digest?.digest('hex') });
  await respond(200, { 'content-length': String(body.length) }).end(body);
}

void worker.run(answer);
serveParent({}, { ages: () => ages.take() });
