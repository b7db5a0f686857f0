import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';

const FOLDER = new URL('../../fixtures/offers/', import.meta.url);

/** Offers of real clients, as lines. */
export const OFFERS: readonly (readonly string[])[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.sdp'))
  .map((name) => readFileSync(new URL(name, FOLDER), 'utf8').trimEnd().split(/\r?\n/));

const allLines = OFFERS.flat();
const place = fc.nat(400);
const strange = fc.constantFrom(
  ...[
    '',
    ' ',
    '0',
    '-1',
    '65536',
    '4294967296',
    '99999999999999999999',
    '127',
    '096',
    '*',
    '/',
    ':',
  ],
  ...[
    'a=',
    'm=',
    'BUNDLE',
    'recvonly',
    'é',
    '\u0000',
    '\t',
    '\ud800',
    '::1',
    '127.0.0.1',
    'x.local',
  ],
  ...['undefined', '__proto__', 'constructor', 'H264/90000', 'opus/48000/2', '%s%n', '../../..'],
);

/** One change of an offer. */
const change: fc.Arbitrary<(lines: string[]) => void> = fc.oneof(
  place.map((at) => (lines: string[]) => void lines.splice(at % (lines.length || 1), 1)),
  fc
    .tuple(place, place, fc.integer({ min: 1, max: 20 }))
    .map(([from, to, count]) => (lines: string[]) => {
      const some = lines.slice(from % (lines.length || 1)).slice(0, count);
      lines.splice(to % (lines.length || 1), 0, ...some);
    }),
  fc.tuple(place, fc.constantFrom(...allLines)).map(([at, line]) => (lines: string[]) => {
    lines.splice(at % (lines.length || 1), 0, line);
  }),
  fc.tuple(place, place, strange).map(([at, token, text]) => (lines: string[]) => {
    const index = at % (lines.length || 1);
    const tokens = (lines[index] ?? '').split(/([ :/=;,])/);
    tokens[token % tokens.length] = text;
    lines[index] = tokens.join('');
  }),
  fc
    .tuple(place, place, fc.string({ maxLength: 5, unit: 'binary' }))
    .map(([at, column, text]) => (lines: string[]) => {
      const index = at % (lines.length || 1);
      const line = lines[index] ?? '';
      const cut = column % (line.length + 1);
      lines[index] = line.slice(0, cut) + text + line.slice(cut + (column % 3));
    }),
  place.map((at) => (lines: string[]) => void lines.splice(at)),
);

/** A real offer with some changes. */
export const mutatedOffer: fc.Arbitrary<string> = fc
  .record({
    offer: fc.constantFrom(...OFFERS),
    changes: fc.array(change, { maxLength: 6 }),
    ending: fc.constantFrom('\r\n', '\n'),
  })
  .map(({ offer, changes, ending }) => {
    const lines = [...offer];
    for (const one of changes) one(lines);
    return lines.join(ending) + ending;
  });
