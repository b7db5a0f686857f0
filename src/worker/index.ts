/** The worker SDK: docs/worker-sdk.md. */

export { type ErrorCode, UploadResponseError } from '../errors/index.js';
export type { Header, RequestHead, ResponseHead } from '../protocols/hpks/index.js';
export { AccessUnit, type AccessUnitOptions, accessUnits } from './access-units.js';
export { attach } from './attach.js';
export type { BodyData } from './body-data.js';
export type { Chunk } from './chunk.js';
export type { Exchange } from './exchange.js';
export type { HeadersInput } from './head.js';
export type { LaneBody } from './lane-body.js';
export type { LaneWriter } from './lane-writer.js';
export type { Observation } from './observation.js';
export type { BodyStart, ObserverOption, WorkerEvent, WorkerOptions } from './options.js';
export { DEFAULT_BODY_LIMIT, type WorkerRequest } from './request.js';
export type { ResponseWriter } from './response-writer.js';
export { type RunWorkerOptions, runWorker, type WorkerModule } from './run-worker.js';
export { answerWith, type FetchContext, type FetchHandler, serve } from './serve.js';
export { type SignalOptions, stopOnSignals } from './signals.js';
export type { StreamWork } from './stream-work.js';
export type { AnyWorker, StopOptions, Worker, WorkerState } from './worker.js';
