export { isLoopback } from '../admission/loopback.js';
