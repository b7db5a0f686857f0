// The children's side of bench/e2e/child.ts: answers the parent's questions over IPC.

/** Says `ready`, with what the parent must know, and answers `{ op, ... }` with `handlers[op]`. */
export function serveParent(ready, handlers = {}) {
  const all = {
    cpu: () => {
      const { user, system } = process.cpuUsage();
      return { cpuSeconds: (user + system) / 1e6, rssBytes: process.memoryUsage().rss };
    },
    ...handlers,
  };
  process.on('message', async ({ op, ...options }) => {
    try {
      process.send({ result: await all[op](options) });
    } catch (error) {
      process.send({ error: error.stack });
    }
  });
  // The parent has gone: nothing may stay behind.
  process.on('disconnect', () => process.exit(0));
  process.send({ result: ready });
}
