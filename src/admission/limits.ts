import { z } from 'zod';

const limit = (what: string, preset = 0) =>
  z.int().min(0).max(1_000_000_000).default(preset).describe(what);

/** The keys of `limits` that admission watches over. A peer is an IPv4 address or an IPv6 /64. */
export const admissionLimitsShape = {
  maxStreamsPerPeer: limit('Streams of one peer at once; one more is answered 429. 0: any number.'),
  maxStreamsPerSubject: limit(
    'Streams of one token, signed URL, certificate or other known caller at once; one more is ' +
      'answered 429. 0: any number.',
  ),
  requestsPerSecondPerPeer: limit('Requests of one peer in a second, on average; 429. 0: any.'),
  requestBurstPerPeer: limit('Requests of one peer that may come at once after a pause.', 100),
  maxConnections: limit('Connections of all listeners at once; one more is refused. 0: any.'),
  maxConnectionsPerPeer: limit('Connections of one peer at once; one more is refused. 0: any.'),
  connectionsPerSecondPerPeer: limit(
    'New connections of one peer in a second, on average; one more is refused. 0: any.',
  ),
  connectionBurstPerPeer: limit('New connections of one peer at once after a pause.', 100),
  authFailuresPerMinutePerPeer: limit(
    'Wrong credentials from one peer in a minute; after that it is answered 429 unread. 0: any.',
  ),
};

const schema = z.strictObject(admissionLimitsShape);

/** See `admissionLimitsShape` for what each one means. */
export type AdmissionLimits = z.output<typeof schema>;
