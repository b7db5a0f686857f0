// A reporter for node:test: says nothing of what passes, everything of what fails, and what was
// skipped and why; writes the counts where UR_TEST_COUNTS says.

import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { inspect } from 'node:util';
import { green, grey, red } from './progress.mjs';

const verbose = process.env.UR_TEST_VERBOSE === '1';
const isSummary = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /;
const indent = (text) => text.trimEnd().replace(/^(?=.)/gm, '      ');

/** Node reports a file as a test too: its own failure counts, its success means nothing. */
const isFile = (event) => event.nesting === 0 && Boolean(event.file?.endsWith(event.name));

/** A group fails with its members; only what failed by itself is counted and shown. */
const failedByItself = (event) => event.details.error?.failureType !== 'subtestsFailed';

function describeFailure(event) {
  const error = event.details.error?.cause ?? event.details.error;
  const text = typeof error === 'string' ? error : inspect(error, { depth: 4 });
  const place = relative('', event.file ?? '');
  const name = isFile(event) ? 'the file itself' : event.name;
  return `  ${red('✘')} ${name}  ${grey(place)}\n${indent(text)}\n`;
}

class Report {
  counts = { passed: 0, failed: 0, skipped: 0 };
  #testsOfFile = new Map();
  #outputOfFile = new Map();

  output({ file, message }) {
    if (verbose) return message;
    this.#outputOfFile.set(file, (this.#outputOfFile.get(file) ?? '') + message);
    return '';
  }

  finished(event, passed) {
    const { file, name, skip, todo, details } = event;
    const tests = this.#testsOfFile.get(file) ?? 0;
    const isGroup = details.type === 'suite' || isFile(event);
    this.#testsOfFile.set(file, tests + (isGroup && passed ? 0 : 1));
    if (skip !== undefined || todo !== undefined) {
      this.counts.skipped += 1;
      const why = [skip, todo].find((reason) => typeof reason === 'string');
      return grey(`  – ${name}: skipped${why ? `, ${why}` : ''}\n`);
    }
    if (passed) {
      if (!isGroup) this.counts.passed += 1;
      return verbose && !isGroup ? `  ${green('✔')} ${name}\n` : '';
    }
    if (!failedByItself(event)) return '';
    this.counts.failed += 1;
    const printed = this.#outputOfFile.get(file);
    this.#outputOfFile.delete(file);
    return (
      describeFailure(event) +
      (printed ? `    ${grey('its file printed:')}\n${indent(printed)}\n` : '')
    );
  }

  /** A file whose tests were all lost to an early return must not pass in silence. */
  emptyFiles() {
    const empty = [...this.#testsOfFile].filter(([, tests]) => tests === 0).map(([file]) => file);
    this.counts.failed += empty.length;
    return empty.map((file) => `  ${red('✘')} ${relative('', file)} ran no test\n`).join('');
  }
}

export default async function* report(events) {
  const run = new Report();
  for await (const { type, data } of events) {
    if (type === 'test:stdout' || type === 'test:stderr') yield run.output(data);
    else if (type === 'test:pass') yield run.finished(data, true);
    else if (type === 'test:fail') yield run.finished(data, false);
    else if (type === 'test:diagnostic' && !isSummary.test(data.message)) {
      yield `  ${grey(data.message)}\n`;
    }
  }
  yield run.emptyFiles();
  const path = process.env.UR_TEST_COUNTS;
  if (path) writeFileSync(path, JSON.stringify(run.counts));
}
