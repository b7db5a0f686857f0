import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { isFlv } from '../../protocols/flv/index.js';
import { EXIT_CODES } from '../exit-codes.js';
import { CliError } from '../failure.js';
import type { Source } from './sender.js';

const REMEDY = 'Install ffmpeg, which puts other files into FLV, or send an FLV file.';
const MAX_STDERR = 2000;

/** The source as FLV: as it is, or through ffmpeg, which only packs anew what it holds.
 *  Throws a CliError: there is no ffmpeg, or it cannot read the source. */
export async function* asFlv(source: Source, signal: AbortSignal): AsyncGenerator<Buffer> {
  const chunks = (source.body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let first = Buffer.alloc(0);
  while (first.length < 3) {
    const { done, value } = await chunks.next();
    if (done) break;
    first = Buffer.concat([first, value]);
  }
  const rest = async function* (): AsyncGenerator<Buffer> {
    yield first;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
  };
  if (isFlv(first)) yield* rest();
  else yield* repacked(source.path, rest(), signal);
}

async function* repacked(
  path: string | undefined,
  bytes: AsyncIterable<Buffer>,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  // A file by its name: MP4 files may have their index at the end.
  const input = path === undefined ? 'pipe:0' : `file:${path}`;
  const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin'];
  const args = [...quiet, '-i', input, '-c', 'copy', '-f', 'flv', 'pipe:1'];
  const stdin = path === undefined ? 'pipe' : 'ignore';
  const child = spawn('ffmpeg', args, { stdio: [stdin, 'pipe', 'pipe'] });
  const ended = once(child, 'close').then(
    ([code]) => code as number | null,
    (error: NodeJS.ErrnoException) => error,
  );
  const kill = () => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  let said = '';
  child.stderr?.on('data', (text) => {
    said = `${said}${text}`.slice(0, MAX_STDERR);
  });
  if (child.stdin) void feed(child.stdin, bytes);
  try {
    yield* child.stdout as Readable as AsyncIterable<Buffer>;
    const code = await ended;
    if (code instanceof Error) {
      const why = code.code === 'ENOENT' ? 'ffmpeg is not installed' : code.message;
      throw new CliError(`this is no FLV file, and ${why}`, EXIT_CODES.failed.code, REMEDY);
    }
    if (code !== 0 && !signal.aborted) {
      throw new CliError(
        `ffmpeg failed: ${said.trim()}`,
        EXIT_CODES.failed.code,
        'Send a file that ffmpeg can put into FLV without encoding: H.264 and AAC.',
      );
    }
  } finally {
    signal.removeEventListener('abort', kill);
    kill();
  }
}

async function feed(stdin: NodeJS.WritableStream, bytes: AsyncIterable<Buffer>): Promise<void> {
  // It may have ended, and says why.
  stdin.on('error', () => {});
  try {
    for await (const chunk of bytes) {
      if (!stdin.writable) return;
      if (!stdin.write(chunk)) {
        await Promise.race([once(stdin, 'drain'), once(stdin, 'close')]);
      }
    }
  } catch {
    // What is missing shows in what ffmpeg makes of it.
  } finally {
    stdin.end();
  }
}
