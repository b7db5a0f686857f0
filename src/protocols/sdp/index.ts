/** Session descriptions of WebRTC: what is taken of an offer, and what is told in an answer. */

export { withHostCandidates } from './answer.js';
export { type Fragment, readFragment } from './fragment.js';
export type { MediaCodec, OfferedTrack, VideoCodec } from './media-section.js';
export { type Offer, readOffer, VIDEO_CODECS } from './offer.js';
