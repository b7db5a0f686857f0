import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import {
  ConfigError,
  type LoadOptions,
  loadConfig,
  originText,
} from '../../../src/config/index.js';
import { problemText } from '../../../src/config/problems.js';

const folder = mkdtempSync(join(tmpdir(), 'ur-config-'));
after(() => rmSync(folder, { recursive: true }));

/** Writes a file into the folder that is the current one of every load. */
function file(text: string): string {
  writeFileSync(join(folder, 'upload-response.yaml'), text);
  return 'upload-response.yaml';
}

const load = (options: LoadOptions = {}) => loadConfig({ env: {}, cwd: folder, ...options });

/** What is wrong, as a person reads it. */
function problemsOf(options: LoadOptions): string[] {
  try {
    load(options);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.code, 'INVALID_CONFIG');
    return error.problems.map(problemText);
  }
  return assert.fail('the configuration was accepted');
}

describe('precedence', () => {
  const key = 'limits.maxBodyBytes';
  const env = { UR_LIMITS_MAX_BODY_BYTES: '3MB' };
  const flags = [{ key: 'limits.max-body-bytes', value: '4MB', flag: '--limits.max-body-bytes' }];

  it('takes the default when nobody says anything', () => {
    file('');
    const loaded = load();
    assert.equal(loaded.config.limits.maxBodyBytes, 0);
    assert.equal(originText(loaded.originOf(key)), 'upload-response.yaml:1');
    assert.equal(loaded.isSet(key), false);
  });

  it('takes the file over the default, the environment over the file, a flag over both', () => {
    file('limits:\n  maxBodyBytes: 2MB\n');
    const fromFile = load();
    assert.equal(fromFile.config.limits.maxBodyBytes, 2 * 2 ** 20);
    assert.equal(originText(fromFile.originOf(key)), 'upload-response.yaml:2');
    assert.equal(fromFile.isSet(key), true);
    const fromEnv = load({ env });
    assert.equal(fromEnv.config.limits.maxBodyBytes, 3 * 2 ** 20);
    assert.equal(originText(fromEnv.originOf(key)), 'UR_LIMITS_MAX_BODY_BYTES');
    const fromFlag = load({ env, flags });
    assert.equal(fromFlag.config.limits.maxBodyBytes, 4 * 2 ** 20);
    assert.equal(originText(fromFlag.originOf(key)), '--limits.max-body-bytes');
  });

  it('takes a preset only where nobody has set the key', () => {
    file('http:\n  port: 9000\n');
    const presets = { 'http.port': 1234, 'http.prefix': '/dev' };
    const { config, isSet } = load({ presets });
    assert.equal(config.http.port, 9000);
    assert.equal(config.http.prefix, '/dev');
    assert.equal(isSet('http.port'), true);
    assert.equal(isSet('http.prefix'), false);
  });

  it('finds the file by flag, by UR_CONFIG and by its usual name', () => {
    writeFileSync(join(folder, 'other.yaml'), 'limits: { maxAttempts: 7 }\n');
    file('limits: { maxAttempts: 9 }\n');
    assert.equal(load({ file: 'other.yaml' }).config.limits.maxAttempts, 7);
    assert.equal(load({ env: { UR_CONFIG: 'other.yaml' } }).config.limits.maxAttempts, 7);
    assert.equal(load().config.limits.maxAttempts, 9);
    assert.equal(load().file, join(folder, 'upload-response.yaml'));
    assert.deepEqual(problemsOf({ file: 'missing.yaml' }), [
      'missing.yaml: cannot be read (ENOENT)',
    ]);
  });

  it('takes UR_SOCKET for the socket unless its own variable is there', () => {
    file('segment:\n  socket: in-file.sock\n');
    const socket = (env: NodeJS.ProcessEnv) => load({ env }).config.segment.socket;
    assert.equal(socket({}), join(folder, 'in-file.sock'));
    assert.equal(socket({ UR_SOCKET: '/a.sock' }), '/a.sock');
    assert.equal(socket({ UR_SOCKET: '/a.sock', UR_SEGMENT_SOCKET: '/b.sock' }), '/b.sock');
  });

  it('ignores empty variables and those of others', () => {
    file('');
    const env = {
      UR_LIMITS_MAX_ATTEMPTS: '',
      UR_TEST_COUNTS: 'x',
      UR_WORKER_NAME: 'w',
      UR_SEED: '7',
      OTHER: '1',
    };
    assert.equal(load({ env }).config.limits.maxAttempts, 5);
  });
});

describe('values', () => {
  it('reads sizes, durations, booleans and lists from every place', () => {
    file('limits:\n  maxBodyBytes: 1.5GB\n  responseTimeoutMs: 2m\n  evictAfterMs: 250\n');
    const { config } = load({
      env: {
        UR_HTTP_PLAIN: 'no',
        UR_SEGMENT_REQUIRED_OBSERVERS: 'scan, audit',
        UR_LIMITS_MIN_RATE_GRACE_MS: '1h',
      },
      flags: [{ key: 'log.pretty', value: 'true', flag: '--set' }],
    });
    assert.equal(config.limits.maxBodyBytes, 1.5 * 2 ** 30);
    assert.equal(config.limits.responseTimeoutMs, 120_000);
    assert.equal(config.limits.evictAfterMs, 250);
    assert.equal(config.limits.minRateGraceMs, 3_600_000);
    assert.equal(config.http.plain, false);
    assert.deepEqual(config.segment.requiredObservers, ['scan', 'audit']);
    assert.equal(config.log.pretty, true);
  });

  it('overrides entries of a list by index and by name, and adds the next one', () => {
    file('segment:\n  pools:\n    - name: uploads\n    - name: rtp-packets\n      slotSize: 2KB\n');
    const { config } = load({
      env: {
        UR_SEGMENT_POOLS_0_STREAMS: '5',
        UR_SEGMENT_POOLS_RTP_PACKETS_STREAMS: '6',
        UR_SEGMENT_POOLS_2_NAME: 'third',
      },
      flags: [{ key: 'segment.pools.rtp-packets.request-slots', value: '32', flag: '--set' }],
    });
    const [uploads, packets, third] = config.segment.pools;
    assert.equal(uploads?.streams, 5);
    assert.deepEqual([packets?.streams, packets?.requestSlots, packets?.slotSize], [6, 32, 2048]);
    assert.equal(third?.name, 'third');
  });

  it('overrides an entry of the default list, and a whole list before its entries', () => {
    file('');
    const one = load({ env: { UR_SEGMENT_POOLS_UPLOADS_STREAMS: '3' } }).config.segment.pools;
    assert.deepEqual([one.length, one[0]?.streams, one[0]?.slotSize], [1, 3, 65_536]);
    const whole = load({
      env: {
        UR_SEGMENT_POOLS: '[{ name: uploads, slotSize: 4KB }, { name: b }]',
        UR_SEGMENT_POOLS_B_STREAMS: '2',
      },
    }).config.segment.pools;
    assert.deepEqual(
      whole.map((pool) => [pool.name, pool.streams, pool.slotSize]),
      [
        ['uploads', 112, 4096],
        ['b', 2, 65_536],
      ],
    );
  });

  it('counts relative paths of the file from its folder, others from the current one', () => {
    file('http:\n  tls:\n    certFile: tls/cert.pem\n    keyFile: key.pem\n');
    const env = { UR_HTTP_TLS_KEY_FILE: 'other.pem' };
    const { tls } = load({ file: join(folder, 'upload-response.yaml'), env, cwd: '/' }).config.http;
    assert.equal(tls?.certFile, join(folder, 'tls/cert.pem'));
    assert.equal(tls?.keyFile, '/other.pem');
  });

  it('takes a section without values for its defaults', () => {
    file('# only a comment\nlimits:\nsegment:\n  # socket: x\n');
    assert.equal(load().config.segment.pools[0]?.streams, 112);
  });
});
