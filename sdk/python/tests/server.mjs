// A server in a process of its own, for the tests in Python. Arguments: the control socket, and the
// configuration as JSON. Says where it listens in a line of JSON, answers each line "state" with one,
// and ends when its standard input does.
import { createInterface } from 'node:readline';
import { createServer } from '../../../dist/index.js';

const [socket, json] = process.argv.slice(2);
const { port = 0, ...config } = JSON.parse(json);
const log = {
  debug() {},
  info() {},
  warn() {},
  error: (fields, text) => console.error(text, fields),
};
const segment = { ...config.segment, socket };
const server = await createServer({ ...config, http: { port, ...config.http }, segment }, { log });
const [address] = await server.listen();
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

function state() {
  const { native } = server.segment;
  const { active, lingering, setAside } = server.ingress.stats();
  return {
    busy: active + lingering + setAside + native.streams().length,
    workers: native.workers().map(({ name, capacity, inFlight }) => ({ name, capacity, inFlight })),
    streams: native.streams().map(({ id, lanes }) => ({
      id,
      pins: lanes.map((lane) => String(lane.pins)),
      readers: lanes.map((lane) => lane.readers),
    })),
  };
}

createInterface({ input: process.stdin })
  .on('line', (question) => {
    if (question === 'state') say(state());
  })
  .on('close', async () => {
    await server.close();
    process.exit(0);
  });
say({ port: address.port });
