import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ConfigError, type LoadOptions, loadConfig } from '../../../src/config/index.js';
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

describe('problems name key, place and what is accepted', () => {
  it('in the file, all at once', () => {
    const name = file(
      [
        'limits:',
        '  maxBodyBytes: lots',
        '  respnseTimeoutMs: 3s',
        'segment:',
        '  memory: rubber',
        '  pools:',
        '    - name: uploads',
        '      slotSize: 4MB',
        '      stages: [1]',
        'http:',
        '  port: 70000',
        '  tls:',
        '    certFile: c.pem',
        'nonsense: true',
      ].join('\n'),
    );
    const problems = problemsOf({});
    const expected = [
      [`${name}:2: limits.maxBodyBytes: is "lots"; accepted: a size of at least 0`],
      [`${name}:3: limits.respnseTimeoutMs: there is no such key; did you mean responseTimeoutMs?`],
      [`${name}:5: segment.memory: is "rubber"; accepted: one of fixed, elastic`],
      [`${name}:8: segment.pools.0.slotSize: is 4194304; accepted: a size from 1KB to 2MB`],
      [`${name}:9: segment.pools.0.stages.0: is 1; accepted: a name of 1 to 31 letters`],
      [`${name}:11: http.port: is 70000; accepted: an integer from 0 to 65535`],
      [`${name}:12: http.tls.keyFile: is missing; accepted: the path of a PEM file`],
      [`${name}:14: nonsense: there is no such key; accepted: http, transports, segment`],
    ].flat();
    for (const text of expected) {
      assert.ok(
        problems.some((problem) => problem.startsWith(text)),
        `${text}\nnot in\n${problems.join('\n')}`,
      );
    }
    assert.equal(problems.length, expected.length, problems.join('\n'));
  });

  it('in the environment', () => {
    file('');
    const problems = problemsOf({
      env: {
        UR_LIMITS_MAX_ATTEMPS: '3',
        UR_LIMITS_MAX_ATTEMPTS: '0',
        UR_SEGMENT_POOLS_7_STREAMS: '1',
        UR_HTTP_PLAIN: 'perhaps',
      },
    });
    assert.deepEqual(problems.sort(), [
      'UR_HTTP_PLAIN: http.plain: is "perhaps"; accepted: true or false',
      'UR_LIMITS_MAX_ATTEMPS: this variable stands for no key; did you mean ' +
        "UR_LIMITS_MAX_ATTEMPTS? ('upload-response config keys' lists them)",
      'UR_LIMITS_MAX_ATTEMPTS: limits.maxAttempts: is 0; accepted: an integer from 1 to 60000',
      'UR_SEGMENT_POOLS_7_STREAMS: segment.pools has no such entry; accepted: 0, UPLOADS',
    ]);
  });

  it('on the command line', () => {
    file('');
    const flag = '--set';
    const problems = problemsOf({
      flags: [
        { key: 'limits.foo', value: '1', flag: '--set limits.foo' },
        { key: 'segment.pools.nope.streams', value: '1', flag },
        { key: 'limits.maxAttempts.x', value: '1', flag },
        { key: 'segment.maxWorkers', value: 'many', flag: '--segment.max-workers' },
      ],
    });
    assert.match(problems[0] as string, /^--set limits\.foo: limits\.foo: there is no such key; /);
    assert.match(problems[1] as string, /there is no entry 'nope'; accepted: uploads or an index$/);
    assert.match(problems[2] as string, /limits\.maxAttempts holds one value/);
    assert.equal(
      problems[3],
      '--segment.max-workers: segment.maxWorkers: is "many"; accepted: an integer from 2 to 63',
    );
  });

  it('for YAML that is none, with its line', () => {
    const name = file('limits:\n  maxAttempts: 3\n  maxAttempts: 4\n');
    assert.match(problemsOf({})[0] as string, new RegExp(`^${name}:3: .*unique`));
    file('limits:\n\tmaxAttempts: 3\n');
    assert.match(problemsOf({})[0] as string, new RegExp(`^${name}:2: `));
    file('- a\n');
    assert.match(problemsOf({})[0] as string, /must be a map/);
    file('limits: &a { maxAttempts: 1 }\nlog: *a\n');
    assert.match(problemsOf({})[0] as string, new RegExp(`^${name}:2: log: anchors`));
    file('__proto__:\n  polluted: 1\nlimits: { toString: 1 }\n');
    const found = problemsOf({});
    assert.match(found[0] as string, new RegExp(`^${name}:1: __proto__: there is no such key`));
    assert.match(found[1] as string, new RegExp(`^${name}:3: limits.toString: there is no such`));
  });

  it('across keys', () => {
    file(
      'segment:\n  pools:\n    - name: a\n    - name: a\ntransports:\n  http1:\n    pool: nowhere\n',
    );
    const problems = problemsOf({});
    assert.match(problems[0] as string, /:4: segment\.pools\.1\.name: two pools are named "a"/);
    file('transports:\n  http1:\n    pool: nowhere\n');
    assert.match(
      problemsOf({})[0] as string,
      /:3: transports\.http1\.pool: there is no pool "nowhere"; accepted: uploads$/,
    );
  });

  it('never shows a secret', () => {
    file('http:\n  tls:\n    passphrase: 12345\n');
    const text = problemsOf({}).join('\n');
    assert.match(text, /passphrase: is not valid; accepted: text/);
    assert.doesNotMatch(text, /12345/);
  });
});
