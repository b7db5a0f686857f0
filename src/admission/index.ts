/** Who may do what: one place for all transports. */

export {
  type Action,
  type Admission,
  type Caller,
  openAdmission,
  type Permit,
} from './admission.js';
