#!/usr/bin/env node
import { CommanderError } from 'commander';
import { exitCodeFor, reportFailure } from './failure.js';
import { createProgram } from './program.js';
import { outlivesReaders } from './reporter.js';

// `upload-response ... | head` is not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (outlivesReaders()) return;
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const argv = process.argv.slice(2);
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
