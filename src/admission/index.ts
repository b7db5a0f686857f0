/** Who may do what, and how much of it: one place for all transports. */

export {
  type Action,
  type Admission,
  type Caller,
  type ClientCertificate,
  type ConnectionAdmission,
  openAdmission,
  type Permit,
  type Withheld,
} from './admission.js';
export { admitThen } from './admit-then.js';
export { type AuthConfig, isAuthConfigured } from './config.js';
export { type AdmissionSet, createAdmission } from './create.js';
export type { AdmissionLimits } from './limits.js';
export { TokenBucket } from './peers.js';
export { publicPath } from './public-path.js';
export { type SignUploadUrlOptions, signUploadUrl } from './signed-url.js';
export { createToken, hashChosenToken } from './token-hash.js';
export { withhold } from './withheld.js';
