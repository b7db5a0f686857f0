import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Histogram } from '../../../src/ingress/index.js';
import { histogramSamples } from '../../../src/metrics/definition.js';
import { type Family, type Sample, writeText } from '../../../src/metrics/text-format.js';
import { Scrape } from '../../support/prometheus.js';

const family = (samples: readonly Sample[], more: Partial<Family> = {}): Family => ({
  name: 'a',
  type: 'gauge',
  help: 'What it is.',
  samples,
  ...more,
});

describe('the text format', () => {
  test('has help, type, and a line for each sample', () => {
    const samples = [
      { labels: {}, value: 1 },
      { labels: { x: 'y', z: '' }, value: 0.25 },
    ];
    assert.equal(
      writeText([family(samples)]),
      '# HELP a What it is.\n# TYPE a gauge\na 1\na{x="y",z=""} 0.25\n',
    );
  });

  test('leaves out what has no samples', () => {
    assert.equal(writeText([family([])]), '');
  });

  test('escapes what a label or a help text may not hold', () => {
    const text = writeText([
      family([{ labels: { x: 'a"b\\c\nd' }, value: 1 }], { help: 'two\nlines \\ "quoted"' }),
    ]);
    assert.equal(
      text,
      '# HELP a two\\nlines \\\\ "quoted"\n# TYPE a gauge\na{x="a\\"b\\\\c\\nd"} 1\n',
    );
    assert.equal(new Scrape(text).value('a', { x: 'a"b\\c\nd' }), 1);
  });

  test('writes numbers that are none', () => {
    const values = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1e21, 1e-9];
    const samples = values.map((value, at) => ({ labels: { at: String(at) }, value }));
    const lines = writeText([family(samples)])
      .split('\n')
      .slice(2, -1);
    const written = lines.map((line) => line.split(' ')[1]);
    assert.deepEqual(written, ['+Inf', '-Inf', 'NaN', '1e+21', '1e-9']);
  });
});

describe('a histogram', () => {
  test('counts up to and with each bound, and adds up', () => {
    const histogram = new Histogram([1, 2]);
    for (const value of [0, 1, 1.5, 2, 3]) histogram.observe(value);
    assert.deepEqual(histogram.stats(), { bounds: [1, 2], counts: [2, 2, 1], sum: 7.5 });
    const samples = histogramSamples(histogram.stats(), { x: 'y' });
    const text = writeText([family(samples, { type: 'histogram' })]);
    const scrape = new Scrape(text);
    assert.equal(scrape.value('a_bucket', { x: 'y', le: '1' }), 2);
    assert.equal(scrape.value('a_bucket', { le: '2' }), 4);
    assert.equal(scrape.value('a_bucket', { le: '+Inf' }), 5);
    assert.equal(scrape.value('a_count'), 5);
    assert.equal(scrape.value('a_sum'), 7.5);
  });

  test('gives a picture that does not change', () => {
    const histogram = new Histogram();
    const before = histogram.stats();
    histogram.observe(0.002);
    assert.equal(before.counts[1], 0);
    assert.equal(histogram.stats().counts[1], 1);
  });
});

describe("the tests' own parser", () => {
  const good = '# HELP a A.\n# TYPE a counter\na_total 1\n';
  const wrong: Record<string, string> = {
    'no line feed at the end': good.trimEnd(),
    'a sample of another family': good,
    'a counter that is not named like one': '# HELP a A.\n# TYPE a counter\na 1\n',
    'a type without help': '# TYPE a gauge\na 1\n',
    'a family twice': '# HELP a A.\n# TYPE a gauge\na 1\n# HELP a A.\n# TYPE a gauge\na{x="1"} 1\n',
    'a series twice': '# HELP a A.\n# TYPE a gauge\na 1\na 2\n',
    'an open quote': '# HELP a A.\n# TYPE a gauge\na{x="} 1\n',
    'a comma too many': '# HELP a A.\n# TYPE a gauge\na{x="1",} 1\n',
    'no number': '# HELP a A.\n# TYPE a gauge\na one\n',
    'a histogram without its last bucket':
      '# HELP a A.\n# TYPE a histogram\na_bucket{le="1"} 1\na_sum 1\na_count 1\n',
    'buckets that fall':
      '# HELP a A.\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
  };
  for (const [what, text] of Object.entries(wrong)) {
    test(`finds ${what}`, () => assert.throws(() => new Scrape(text)));
  }
});
