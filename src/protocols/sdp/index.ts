/** Session descriptions of WebRTC: what is taken of an offer, and what is told in an answer. */

export { withHostCandidates } from './answer.js';
export { type Fragment, readFragment } from './fragment.js';
export { type Offer, readOffer } from './offer.js';
