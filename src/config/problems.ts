import { UploadResponseError } from '../errors/index.js';

/** Where a value was written. */
export type Origin =
  /** `line`: 0 for the file as a whole. */
  | { readonly kind: 'file'; readonly file: string; readonly line: number }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'flag'; readonly name: string }
  | { readonly kind: 'default' };

/** `upload-response.yaml:12`, `UR_LIMITS_MAX_BODY_BYTES`, `--limits.max-body-bytes`, `default`. */
export function originText(origin: Origin): string {
  switch (origin.kind) {
    case 'file':
      return origin.line > 0 ? `${origin.file}:${origin.line}` : origin.file;
    case 'default':
      return 'default';
    default:
      return origin.name;
  }
}

/** One thing that is wrong in the configuration. */
export interface ConfigProblem {
  /** `limits.maxBodyBytes`, or '' for the whole file. */
  readonly key: string;
  readonly origin: Origin;
  /** What is wrong and what is accepted, without key and place. */
  readonly message: string;
}

/** Everything that is wrong, at once. Its `code` is INVALID_CONFIG. */
export class ConfigError extends UploadResponseError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super('INVALID_CONFIG', `\n${problems.map((one) => `  ${problemText(one)}`).join('\n')}`);
    this.problems = problems;
  }
}

/** `upload-response.yaml:12: limits.maxBodyBytes: is "lots"; accepted: a size ...` */
export function problemText(problem: ConfigProblem): string {
  const key = problem.key ? `${problem.key}: ` : '';
  return `${originText(problem.origin)}: ${key}${problem.message}`;
}

/** The candidate that was probably meant, or undefined. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let distance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const found = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (found < distance) {
      distance = found;
      best = candidate;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, swap));
    }
    row = next;
  }
  return row[b.length] as number;
}
