import { RawClient } from '../../support/raw-client.js';
import { leaveRoute, prepareRoutes } from '../../support/tcp-routes.js';
import { TestServer, type TestServerOptions } from '../../support/test-server.js';
import { until } from '../../support/until.js';

prepareRoutes();

type TcpOptions = NonNullable<NonNullable<TestServerOptions['transports']>['tcp']>;

/** A server with a plain listener, for as long as `use` takes; everything must be over after it. */
export async function withServer(
  use: (server: TestServer) => Promise<void>,
  tcp: TcpOptions = {},
  options: TestServerOptions = {},
): Promise<void> {
  const transports = { tcp: { enabled: true, port: 0, ...tcp } };
  const server = await TestServer.start({ ...options, transports });
  try {
    await use(server);
    await until(() => statsOf(server).connections === 0, 'every connection to be closed');
    await server.free();
  } finally {
    await server.stop();
  }
}

/** A connection whose worker does what `path` says. */
export async function connect(server: TestServer, path = '/hash'): Promise<RawClient> {
  const client = await RawClient.connect(server.port('tcp'));
  leaveRoute(client.address, { path, headers: {} });
  return client;
}

/** Everything that came until the server closed its half. */
export async function answerOf(client: RawClient): Promise<string> {
  const ending = await client.ending();
  if (ending !== 'end') throw new Error(`${ending} after ${client.received}`);
  client.finish();
  return client.received;
}

export function statsOf(server: TestServer) {
  const { tcp } = server.server.stats().transports;
  if (!tcp) throw new Error('there is no such transport');
  return tcp;
}
