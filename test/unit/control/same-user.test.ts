import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type TestContext, test } from 'node:test';
import { expectSameUser } from '../../../src/control/same-user.js';

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === '::1');
const bounded = { timeout: 30_000 };

/** A connection to a server on `host` by way of `to`: both of its ends. */
async function connection(t: TestContext, host: string, to: string) {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, host);
  await once(server, 'listening');
  const client = connect({ host: to, port: (server.address() as AddressInfo).port });
  const [taken] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    client.destroy();
    taken.destroy();
    server.close();
  });
  return { client, taken };
}

for (const [host, to] of [
  ['127.0.0.1', '127.0.0.1'],
  ['127.0.0.5', '127.0.0.5'],
  ['::1', '::1'],
  ['::', '127.0.0.1'],
  ['127.0.0.1', '::ffff:127.0.0.1'],
] as const) {
  test(`this user's connection to ${host} by way of ${to} is known`, bounded, async (t) => {
    if (host.includes(':') && !hasIpv6) return t.skip('this machine has no IPv6');
    const { taken } = await connection(t, host, to);
    await expectSameUser(taken);
    // The same answer without another look.
    assert.equal(expectSameUser(taken), expectSameUser(taken));
  });
}

test('a client that has gone is nobody: its end has no user any more', bounded, async (t) => {
  const { client, taken } = await connection(t, '127.0.0.1', '127.0.0.1');
  taken.resume();
  client.destroy();
  await once(taken, 'end');
  await assert.rejects(expectSameUser(taken), { code: 'FORBIDDEN' });
});

test('an address that is none of this machine is nobody', bounded, async () => {
  const ends = { remotePort: 1, localAddress: '127.0.0.1', localPort: 2 };
  for (const remoteAddress of ['10.1.2.3', 'fe80::1', '', undefined]) {
    const socket = { ...ends, remoteAddress } as unknown as Socket;
    await assert.rejects(expectSameUser(socket), { code: 'FORBIDDEN' });
  }
});
