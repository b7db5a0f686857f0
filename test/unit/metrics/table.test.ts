import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { metricRows, metricsTable } from '../../../src/metrics/index.js';

const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');

describe('the metrics', () => {
  const rows = metricRows();

  test('have a name of their own, by the rules of Prometheus', () => {
    assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length);
    for (const { name, type, labels } of rows) {
      assert.match(name, /^uploadresponse_[a-z][a-z0-9_]*$/);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
      assert.doesNotMatch(name, /_(ms|milliseconds|kb|mb|percent)(_|$)/, 'base units');
      if (type === 'histogram') assert.match(name, /_(seconds|bytes)$/);
      for (const label of labels) assert.match(label, /^[a-z]+$/);
    }
  });

  test('say what they are', () => {
    for (const { name, help } of rows) assert.match(help, /^\S.{10,}\.$/, name);
  });

  test('are on the page about operations', () => {
    assert.ok(page.includes(metricsTable()), 'docs/operations.md is stale: npm run generate');
  });
});
