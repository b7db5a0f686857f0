import { createReadStream, fstatSync, openSync, readFileSync } from 'node:fs';
import { CliError } from '../failure.js';
import type { Source } from './sender.js';

/** What is sent: a file with its size, or standard input. @throws CliError */
export function openSource(file: string): Source {
  if (file === '-') return { body: process.stdin };
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    throw cannotRead(file, error);
  }
  const stat = fstatSync(fd);
  if (stat.isDirectory()) throw new CliError(`${file} is a folder`, 2);
  const body = createReadStream('', { fd, highWaterMark: 256 * 1024 });
  // A pipe or device (<(command), /dev/zero) has no size that could be promised, and one reader.
  return stat.isFile() ? { body, size: stat.size, path: file } : { body };
}

/** @throws CliError */
export function readCertificate(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw cannotRead(file, error);
  }
}

function cannotRead(file: string, error: unknown): CliError {
  return new CliError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, 2);
}
