// A server in a process of its own, with limits short enough that no fault may stall a client.
// Arguments: the control socket, the configuration as JSON. Talks over the IPC channel.
import { createServer } from '../../../dist/index.js';

const [socket, json] = process.argv.slice(2);
const config = JSON.parse(json);
const log = {
  debug() {},
  info() {},
  warn() {},
  error: (fields, text) => console.error(text, fields),
};
const server = await createServer({ ...config, segment: { ...config.segment, socket } }, { log });
const [address] = await server.listen();
let peakRss = 0;
setInterval(() => {
  peakRss = Math.max(peakRss, process.memoryUsage.rss());
}, 50).unref();

process.on('message', async (question) => {
  if (question === 'state') {
    const native = server.segment.native;
    process.send({
      ...server.ingress.stats(),
      open: native.streams().length,
      streams: native.streams().map(({ id, state, lanes }) => ({
        id,
        state,
        lanes: lanes.map((lane) => ({ ...lane, pins: String(lane.pins) })),
      })),
      workers: native.workers().length,
      rss: process.memoryUsage.rss(),
      peakRss,
    });
  } else if (question === 'stop') {
    await server.close();
    process.disconnect();
  }
});
process.send({ port: address.port });
