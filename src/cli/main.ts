#!/usr/bin/env node
import { CommanderError } from 'commander';
import { CliError, exitCodeFor, reportFailure } from './failure.js';
import { createProgram } from './program.js';
import { outlivesReaders } from './reporter.js';

const argv = process.argv.slice(2);

process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (outlivesReaders()) return;
  // `upload-response ... | head` is not a failure.
  if (code === 'EPIPE') process.exit(0);
  const error = new CliError(`standard output cannot be written (${code ?? message})`);
  reportFailure(error, argv.includes('--json'));
  process.exit(exitCodeFor(error));
});

try {
  await createProgram(argv).run();
} catch (error) {
  if (error instanceof CommanderError) {
    // commander has printed its message, help or version.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    reportFailure(error, argv.includes('--json'));
    process.exitCode = exitCodeFor(error);
  }
}
