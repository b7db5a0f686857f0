// srt-live-transmit as a sink: a fresh one for each transfer, whose output is counted here.

import { spawn } from 'node:child_process';
import { serveParent } from './control.mjs';
import { freeUdpPort } from './free-port.mjs';
import { Receipt } from './receipt.mjs';

/** As the server has them by default. */
const OPTIONS = new URLSearchParams({
  mode: 'listener',
  ...{ tsbpdmode: '0', tlpktdrop: '0', latency: '0', payloadsize: '1456' },
  ...{ rcvbuf: String(48 * 2 ** 20), fc: '60000', udp_rcvbuf: String(8 * 2 ** 20) },
});

const receipt = new Receipt();

/** Starts one; resolves with its port. Who connects before it listens tries again by itself. */
async function listen() {
  const port = await freeUdpPort();
  const from = `srt://127.0.0.1:${port}?${OPTIONS}`;
  const args = ['-q', '-ll:fatal', '-a:no', '-chunk:1456', from, 'file://con'];
  const child = spawn('srt-live-transmit', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill('SIGKILL'));
  child.once('error', (error) => receipt.fail(error));
  child.stdout.on('data', (bytes) => receipt.add(bytes));
  child.stdout.once('end', () => receipt.end());
  return port;
}

serveParent({}, { ...receipt.handlers, listen });
