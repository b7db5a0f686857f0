// A required observer: it reads every upload beside the worker that answers it, and no response passes
// without its verdict. The server must know it: requiredObservers: [scan]
//   node scan-observer.mjs [signature]
import { attach, stopOnSignals } from 'upload-response/worker';

const signature = Buffer.from(process.argv[2] ?? 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE');

const worker = await attach({ observer: { name: 'scan', required: true }, waitForServer: true });
stopOnSignals(worker);
await worker.run(async ({ request, pass, veto }) => {
  // A signature may lie across two chunks: the end of what came before is searched again.
  let tail = Buffer.alloc(0);
  for await (const { bytes } of request.body) {
    const window = Buffer.concat([tail, bytes]);
    if (window.includes(signature)) return veto(422, 'the upload holds a known signature');
    tail = window.subarray(Math.max(0, window.length - signature.length + 1));
  }
  pass();
});
