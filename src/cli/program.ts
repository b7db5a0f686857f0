import { Command, CommanderError } from 'commander';
import { UploadResponseError } from '../errors/index.js';
import { nativeVersion } from '../ring/machine.js';
import { addConfig } from './commands/config.js';
import { addDoctor } from './commands/doctor.js';
import { addInspect } from './commands/inspect.js';
import { addSend } from './commands/send.js';
import { addServe } from './commands/serve.js';
import { addSign } from './commands/sign.js';
import { addToken } from './commands/token.js';
import { addTop } from './commands/top.js';
import { addWorker } from './commands/worker.js';
import { EXIT_CODES, exitCodesText } from './exit-codes.js';
import { takeDottedFlags } from './options.js';
import { packageVersion } from './package-info.js';

/** The commands that read the configuration, and so take a flag for each of its keys. */
const CONFIGURED = new Set(['serve', 'doctor', 'config', 'sign']);

/** The command line `upload-response`. `argv` is without node and script. */
export function createProgram(argv: readonly string[]): { run(): Promise<void> } {
  const configured = CONFIGURED.has(argv.find((argument) => !argument.startsWith('-')) ?? '');
  const { rest, dotted } = configured ? takeDottedFlags(argv) : { rest: [...argv], dotted: [] };
  const program = new Command('upload-response')
    .description(
      'Uploads and live streams through shared memory: worker processes read a request while it ' +
        'arrives, and their answer streams back.',
    )
    .exitOverride()
    .showSuggestionAfterError()
    .helpCommand(true)
    .option('-V, --version', 'print the version and the segment format of the native binary')
    .addHelpText(
      'after',
      `
Examples:
  upload-response serve --dev                    a server to try, with an example worker
  upload-response worker ./my-worker.mjs -p 4    four processes of your worker
  upload-response send big.bin http://localhost:8080/upload
  upload-response top                            who does what, live
${exitCodesText(...(Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[]))}`,
    );
  program.on('option:version', () => {
    process.stdout.write(`${versionText()}\n`);
    throw new CommanderError(0, 'commander.version', '');
  });
  addServe(program, dotted);
  addWorker(program);
  addSend(program);
  addInspect(program);
  addTop(program);
  addDoctor(program, dotted);
  addConfig(program, dotted);
  addToken(program);
  addSign(program, dotted);
  return {
    run: async () => {
      await program.parseAsync(rest, { from: 'user' });
    },
  };
}

function versionText(): string {
  try {
    const { version, abi } = nativeVersion();
    return `upload-response ${packageVersion} (native ${version}, segment format ${abi})`;
  } catch (error) {
    const reason = error instanceof UploadResponseError ? error.message : String(error);
    return `upload-response ${packageVersion} (${reason})`;
  }
}
