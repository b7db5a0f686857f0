import { request } from 'node:http';
import { crc32 } from 'node:zlib';

/** One upload, for the work `chaos` of the programs in test/worker-conformance: `size` bytes of
 *  `pattern` from `offset` on, round and round. */
export interface UploadPlan {
  readonly port: number;
  readonly work: string;
  readonly pattern: Buffer;
  readonly offset: number;
  readonly size: number;
  readonly chunked: boolean;
}

/** What came of it. `outcome`: `whole` (200, complete), the code of an error answer, or `reset`. */
export interface UploadResult {
  readonly outcome: string;
  readonly correct: boolean;
  /** Longest time in which neither a byte was taken nor one came, in milliseconds. */
  readonly longestStallMs: number;
}

/** Sends it and checks the answer by its checksum; never rejects. */
export function upload(plan: UploadPlan): Promise<UploadResult> {
  let sent = 0;
  let received = 0;
  const text: Buffer[] = [];
  let receivedBytes = 0;
  let last = performance.now();
  let longestStallMs = 0;
  const progress = () => {
    const now = performance.now();
    longestStallMs = Math.max(longestStallMs, now - last);
    last = now;
  };
  return new Promise((resolve) => {
    const finish = (outcome: string, correct: boolean) => {
      progress();
      resolve({ outcome, correct, longestStallMs });
      outgoing.destroy();
    };
    const outgoing = request({
      port: plan.port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/upload/chaos',
      agent: false,
      headers: {
        'x-work': plan.work,
        ...(plan.chunked
          ? { 'transfer-encoding': 'chunked' }
          : { 'content-length': String(plan.size) }),
      },
    });
    outgoing.on('error', () => finish('reset', true));
    outgoing.on('response', (response) => {
      const good = response.statusCode === 200;
      response.on('data', (bytes: Buffer) => {
        progress();
        receivedBytes += bytes.length;
        if (good && plan.work === 'echo') received = crc32(bytes, received);
        else text.push(bytes);
      });
      response.on('error', () => finish('reset', true));
      response.on('close', () => {
        if (!response.complete) finish('reset', true);
        else if (!good) finish(errorCode(response.statusCode ?? 0, text), true);
        else finish('whole', isRight());
      });
    });
    const isRight = () => {
      if (plan.work === 'echo') return receivedBytes === plan.size && received === sent;
      const hex = sent.toString(16).padStart(8, '0');
      return Buffer.concat(text).toString() === `${plan.size} ${hex}\n`;
    };
    let at = 0;
    const pump = () => {
      while (at < plan.size) {
        progress();
        const begin = (plan.offset + at) % plan.pattern.length;
        const end = Math.min(begin + 100_000, plan.pattern.length, begin + plan.size - at);
        const chunk = plan.pattern.subarray(begin, end);
        sent = crc32(chunk, sent);
        at += chunk.length;
        if (!outgoing.write(chunk)) {
          outgoing.once('drain', pump);
          return;
        }
      }
      outgoing.end();
    };
    pump();
  });
}

function errorCode(status: number, text: Buffer[]): string {
  try {
    return (JSON.parse(Buffer.concat(text).toString()) as { error: string }).error;
  } catch {
    return `status ${status} without an error code`;
  }
}
