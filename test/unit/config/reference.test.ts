import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EXIT_CODES } from '../../../src/cli/exit-codes.js';
import {
  configExample,
  configKeys,
  configTable,
  loadConfig,
  OTHER_VARIABLES,
  reloadableTable,
} from '../../../src/config/index.js';

const EXAMPLE = '../../../upload-response.example.yaml';
const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const read = (name: string): string => readFileSync(path(name), 'utf8');

describe('the example file', () => {
  it('is what the schema says', () => {
    const hint = 'npm run generate';
    assert.equal(read(EXAMPLE), configExample(), `it is stale: ${hint}`);
  });

  it('says nothing but the defaults', () => {
    const env = {};
    const { config } = loadConfig({ file: path(EXAMPLE), env, cwd: '/' });
    assert.deepEqual(config, loadConfig({ env, cwd: '/' }).config);
  });

  it('is valid with TLS and h2c turned on', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ur-example-'));
    try {
      const [, http = '', ...others] = read(EXAMPLE).split(/^(?=\w)/m);
      const on = http
        .replace(/^ {2}# (tls:|h2c:| {2}(?!# ))/gm, '  $1')
        .replace(/(certFile|keyFile):$/gm, '$1: $1.pem');
      writeFileSync(join(folder, 'example.yaml'), [on, ...others].join(''));
      const { config } = loadConfig({ file: 'example.yaml', env: {}, cwd: folder });
      assert.equal(config.http.tls?.port, 8443);
      assert.equal(config.http.tls?.certFile, join(folder, 'certFile.pem'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the documentation', () => {
  const page = read('../../../docs/configuration.md');

  it('has the table of keys', () => {
    const hint = 'npm run generate';
    assert.ok(page.includes(configTable()), `docs/configuration.md is stale: ${hint}`);
  });

  it('has the table of what can change while the server runs', () => {
    const operations = read('../../../docs/operations.md');
    assert.ok(operations.includes(reloadableTable()), 'docs/operations.md: npm run generate');
  });

  it('names the other variables', () => {
    for (const name of Object.keys(OTHER_VARIABLES)) assert.ok(page.includes(`\`${name}\``), name);
  });

  it('names every exit code', () => {
    const cli = read('../../../docs/cli.md');
    for (const { code, meaning } of Object.values(EXIT_CODES)) {
      assert.ok(cli.includes(`| ${code} | ${meaning} |`), meaning);
    }
  });
});

describe('the keys', () => {
  const keys = configKeys();

  it('have a description each', () => {
    for (const key of keys) assert.ok(key.description.length > 10, key.name);
  });

  it('have variables and flags of their own', () => {
    for (const what of ['env', 'flag', 'name'] as const) {
      assert.equal(new Set(keys.map((key) => key[what])).size, keys.length);
    }
    for (const key of keys) {
      assert.match(key.env, /^UR_[A-Z0-9_*]+$/);
      assert.match(key.flag, /^--[a-z][a-z0-9.*-]+$/);
    }
  });

  it('can all be set by their variables and flags', () => {
    // What a value must look like here does not matter: a key that is not found is another problem.
    for (const key of keys) {
      const one = (text: string): string => text.replaceAll('*', '0');
      const attempts = [
        { env: { [one(key.env)]: '?' } },
        { env: {}, flags: [{ key: one(key.flag).slice(2), value: '?', flag: one(key.flag) }] },
      ];
      for (const attempt of attempts) {
        try {
          loadConfig({ cwd: '/', ...attempt });
        } catch (error) {
          assert.doesNotMatch(
            (error as Error).message,
            /no such key|stands for no key|no such entry/,
          );
        }
      }
    }
  });
});
