/** FLV files (Adobe, 2010): tags, as RTMP carries their data. */

export { type FlvTag, isFlv, readFlvTags } from './tag-reader.js';
