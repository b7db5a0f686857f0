import { EXIT_CODES } from '../exit-codes.js';
import { CliError } from '../failure.js';
import type { Sender } from './sender.js';

/** Each is loaded when it is wanted: most take libraries along. */
const SENDERS: Readonly<Record<string, () => Promise<Sender>>> = {
  'http:': async () => (await import('./http-sender.js')).sendByHttp,
  'https:': async () => (await import('./http-sender.js')).sendByHttp,
  'tcp:': async () => (await import('./tcp-sender.js')).sendByTcp,
  'tls:': async () => (await import('./tcp-sender.js')).sendByTcp,
  'srt:': async () => (await import('./srt-sender.js')).sendBySrt,
  'whip:': async () => (await import('./webrtc-sender.js')).sendByWebRtc,
  'whips:': async () => (await import('./webrtc-sender.js')).sendByWebRtc,
  'rtmp:': async () => (await import('./rtmp-sender.js')).sendByRtmp,
  'rtmps:': async () => (await import('./rtmp-sender.js')).sendByRtmp,
};

/** Schemes whose requests have a method, or fields. */
const WITH_METHOD = /^https?:$/;
const WITH_FIELDS = /^(https?|whips?):$/;

/** What sends to this URL. @throws CliError: nothing does, or not with these options */
export function senderFor(url: URL, hasHeaders: boolean, hasMethod: boolean): Promise<Sender> {
  const { protocol } = url;
  const load = SENDERS[protocol];
  if (!load) throw notAUrl(protocol);
  const wrong = (what: string) =>
    new CliError(`${protocol}// has no ${what}`, EXIT_CODES.usage.code, 'Leave the option out.');
  if (hasMethod && !WITH_METHOD.test(protocol)) throw wrong('request method (-X)');
  if (hasHeaders && !WITH_FIELDS.test(protocol)) throw wrong('header (-H)');
  if (/^(tcp|tls|srt):$/.test(protocol) && url.port === '') {
    throw new CliError(
      `${protocol}// needs a port`,
      EXIT_CODES.usage.code,
      `Such as ${protocol}//${url.hostname}:9700`,
    );
  }
  return load();
}

export function notAUrl(text: string): CliError {
  const schemes = ['https', 'tcp', 'tls', 'srt', 'rtmp', 'rtmps', 'whip', 'whips'].map(
    (one) => `${one}://`,
  );
  return new CliError(
    `'${text}' is not an http://, ${schemes.slice(0, -1).join(', ')} or ${schemes.at(-1)} URL`,
    EXIT_CODES.usage.code,
    'Such as https://localhost:8443/upload',
  );
}
