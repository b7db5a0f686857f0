#!/usr/bin/env node
// 'npm start': builds what is missing, then serves on loopback with a development certificate and an
// example worker. Usage: npm start -- [options of 'upload-response serve']

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { bootstrap, main } from './bootstrap.mjs';
import { root } from './lib/files.mjs';

function serve() {
  const cli = join(root, 'dist', 'cli', 'main.js');
  // In a group of its own: a terminal's Ctrl-C goes to the whole group, npm passes it on as well,
  // and a server that is told twice takes the second one for impatience.
  const server = spawn(process.execPath, [cli, 'serve', '--dev', ...process.argv.slice(2)], {
    stdio: 'inherit',
    detached: true,
  });
  let toldAt = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (Date.now() - toldAt < 500) return;
      toldAt = Date.now();
      server.kill(signal);
    });
  }
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('exit', (code, signal) => {
      process.exitCode = code ?? 128 + constants.signals[signal];
      resolve();
    });
  });
}

await main(async () => {
  await bootstrap();
  await serve();
});
