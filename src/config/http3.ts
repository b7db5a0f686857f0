export { isEnabled as isHttp3Enabled } from '../transports/http3/is-enabled.js';
