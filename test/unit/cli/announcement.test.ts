import assert from 'node:assert/strict';
import { test } from 'node:test';
import { announcement } from '../../../src/cli/announcement.js';
import { configSchema } from '../../../src/config/index.js';

const at = (transport: string, scheme: string, path: string) => ({
  ...{ transport, scheme, host: '127.0.0.1', port: 1 },
  url: `${scheme}://127.0.0.1:1${path}`,
});

test('curl is shown what takes an upload from it, and nothing else', () => {
  const addresses = [
    at('http1', 'http', '/upload'),
    at('websocket', 'ws', '/upload'),
    at('webrtc', 'http', '/whip'),
    at('rtmp', 'rtmp', ''),
  ];
  const config = configSchema.parse({});
  const segment = { ...config.segment, socket: '/run/ur.sock' };
  const setup = {
    ...{ config: { ...config, segment }, file: undefined, moved: [] },
    ...{ certificate: undefined, demo: undefined },
  };
  const text = announcement(setup, { addresses }, { workers: 1 });
  const lines = text.split('\n').filter((line) => line.includes('curl'));
  assert.deepEqual(lines, ['  curl -T big.bin http://127.0.0.1:1/upload']);
});
