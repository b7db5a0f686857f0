import type { Command } from 'commander';
import { exitCodesText } from '../exit-codes.js';
import { withFacts } from '../facts.js';
import { CliError } from '../failure.js';
import { attachMonitor } from '../monitor.js';
import { count, socketOption } from '../options.js';
import { takeSnapshot } from '../snapshot.js';
import { socketPath } from '../socket.js';
import { styleFor } from '../terminal.js';
import { streamDetail, streamLines, summaryLines, workerLines } from '../views.js';

interface InspectOptions {
  readonly socket?: string;
  readonly json?: boolean;
}

/** Adds `inspect` to the program. */
export function addInspect(program: Command): void {
  program
    .command('inspect')
    .summary('show the streams and workers of a running server')
    .description(
      'Reads the state of a running server out of its shared memory, once, and asks the server what it ' +
        'knows of media and networks. It maps the segment read-only and holds nothing, so nobody waits ' +
        'for it.',
    )
    .argument('[streamId]', 'show everything about this stream', count(1))
    .addOption(socketOption())
    .option('--json', 'the whole state as JSON (docs/cli.md describes it)')
    .addHelpText(
      'after',
      `
Examples:
  upload-response inspect
  upload-response inspect --json | jq '.streams[] | {id, head, lanes}'
${exitCodesText('ok', 'failed', 'unreachable')}`,
    )
    .action(inspect);
}

async function inspect(streamId: number | undefined, options: InspectOptions): Promise<void> {
  const socket = await socketPath(options);
  const segment = await attachMonitor(socket);
  try {
    const snapshot = await withFacts(socket, takeSnapshot(segment));
    const stream = snapshot.streams.find((one) => one.id === streamId);
    if (streamId !== undefined && !stream) {
      const known = snapshot.streams.map((one) => one.id).join(', ');
      throw new CliError(
        `no stream ${streamId} is open`,
        1,
        known ? `Open are ${known}.` : 'No stream is open.',
      );
    }
    if (options.json) {
      process.stdout.write(`${JSON.stringify(stream ?? snapshot, null, 2)}\n`);
      return;
    }
    const style = styleFor(process.stdout);
    const lines = stream
      ? streamDetail(stream, style)
      : [
          ...summaryLines(snapshot, style),
          '',
          ...workerLines(snapshot, style),
          '',
          ...(snapshot.streams.length > 0
            ? streamLines(snapshot, undefined, style)
            : [style.dim('no open streams')]),
        ];
    process.stdout.write(`${lines.join('\n')}\n`);
  } finally {
    segment.close();
  }
}
