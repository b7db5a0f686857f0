import { Scrape } from '../../support/prometheus.js';
import type { TestServer } from '../../support/test-server.js';

/** A scrape of the server's metrics. */
export async function scrape(
  server: TestServer,
  headers?: Record<string, string>,
): Promise<Scrape> {
  const response = await fetch(server.url('/metrics'), headers ? { headers } : {});
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return new Scrape(await response.text());
}

/** The JSON that a path answers, with its status. */
export async function ask(url: string, init?: RequestInit) {
  const response = await fetch(url, init);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
