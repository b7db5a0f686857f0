// A Hono app as a worker, unchanged: any fetch handler works. It needs 'npm install hono'.
//   upload-response worker hono-worker.mjs
// In a program of your own: import { serve } from 'upload-response/worker'; await serve(app.fetch)
import { createHash } from 'node:crypto';
import { Hono } from 'hono';

const app = new Hono();

app.get('/upload', (c) => c.json({ send: 'a body with PUT or POST' }));

app.on(['PUT', 'POST'], '/upload/*', async (c) => {
  const hash = createHash('sha256');
  let size = 0;
  for await (const bytes of c.req.raw.body ?? []) {
    hash.update(bytes);
    size += bytes.length;
  }
  return c.json({ path: c.req.path, sha256: hash.digest('hex'), size });
});

export default app;
