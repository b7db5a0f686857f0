import { attribute, badSdp, isPlainCandidate, linesOf, MAX_CANDIDATES } from './description.js';

/** A fragment of a description that trickles candidates (RFC 8840 section 9). */
export interface Fragment {
  /** Undefined: it names no transport. */
  readonly ufrag: string | undefined;
  readonly mid: string;
  /** Candidates as `candidate:...`; those with a name in place of an address are left out. */
  readonly candidates: readonly string[];
}

/** @throws UploadResponseError BAD_SDP */
export function readFragment(text: string): Fragment {
  const lines = linesOf(text);
  const ufrag = attribute(lines, 'ice-ufrag');
  const candidates = lines.filter((line) => line.startsWith('a=candidate:'));
  if (ufrag === undefined && candidates.length === 0 && !lines.includes('a=end-of-candidates')) {
    throw badSdp('the fragment has neither candidates nor credentials');
  }
  if (candidates.length > MAX_CANDIDATES) {
    throw badSdp(`more than ${MAX_CANDIDATES} candidates`);
  }
  const mid = attribute(lines, 'mid') ?? '0';
  return {
    ufrag,
    mid,
    candidates: candidates.filter(isPlainCandidate).map((line) => line.slice(2)),
  };
}
