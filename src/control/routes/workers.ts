import { UploadResponseError } from '../../errors/index.js';
import { type Segment, WorkerRole } from '../../ring/index.js';
import type { ControlContext } from '../context.js';
import { pathParameters } from '../parameters.js';
import { workerPicture } from '../pictures.js';
import { unknownRemoteWorker } from '../remote-worker.js';
import { type Route, route } from '../route.js';
import {
  capacitySchema,
  heartbeatSchema,
  workerListSchema,
  workerSchema,
} from '../worker-schemas.js';

/** Who is attached, and how remote workers are. */
export function workerRoutes(context: ControlContext): readonly Route[] {
  return [
    listWorkers(context),
    getWorker(context),
    heartbeat(context),
    leave(context),
    getCapacity(context),
  ];
}

function listWorkers({ segment, remotes }: ControlContext): Route {
  return route({
    method: 'GET',
    path: '/workers',
    operation: 'listWorkers',
    summary: 'Everybody who is attached: servers, workers, remote workers',
    params: {},
    answers: { 200: { description: 'By row.', json: workerListSchema } },
    errors: [],
    handle: () => {
      const { native } = segment;
      const workers = native.workers().map((info) => workerPicture(segment, remotes, info));
      return { status: 200, json: { workers } };
    },
  });
}

function getWorker(context: ControlContext): Route {
  return route({
    method: 'GET',
    path: '/workers/{worker}',
    operation: 'getWorker',
    summary: 'One of them',
    params: { worker: pathParameters.anyWorker },
    answers: { 200: { description: 'The worker.', json: workerSchema } },
    errors: ['UNKNOWN_REMOTE_WORKER'],
    handle: ({ params: { worker } }) => ({ status: 200, json: picture(context, worker) }),
  });
}

function heartbeat(context: ControlContext): Route {
  return route({
    method: 'PUT',
    path: '/workers/{worker}/heartbeat',
    asWorker: true,
    operation: 'heartbeat',
    summary: 'Registers a remote worker, and says that it lives',
    description:
      'Every request that names the worker, or shows a claim of it, says so too; and while a request of ' +
      'it waits, it lives. Silent for its time-out it counts as dead: its readers and claims are given ' +
      'back, and what it worked on goes to another worker. Only who has registered it may speak for it.',
    params: { worker: pathParameters.worker },
    body: heartbeatSchema,
    answers: { 200: { description: 'The worker.', json: workerSchema } },
    errors: ['TOO_MANY_REMOTE_WORKERS', 'NO_FREE_WORKER'],
    handle: async ({ params: { worker: id }, body, subject }) => {
      const { requiredObservers } = context.segment.description;
      if (body.observer !== undefined && !requiredObservers.includes(body.observer)) {
        throw new UploadResponseError('BAD_REQUEST', 'no observer of this name is required');
      }
      await context.remotes.heartbeat(id, subject, body);
      return { status: 200, json: picture(context, id) };
    },
  });
}

function leave({ remotes }: ControlContext): Route {
  return route({
    method: 'DELETE',
    path: '/workers/{worker}',
    asWorker: true,
    operation: 'leave',
    summary: 'A remote worker leaves',
    description: 'What it holds is given back as after its death.',
    params: { worker: pathParameters.worker },
    answers: { 204: { description: 'It has left.' } },
    errors: ['UNKNOWN_REMOTE_WORKER'],
    handle: ({ params: { worker }, subject }) => {
      remotes.get(worker, subject).close();
      return { status: 204 };
    },
  });
}

function getCapacity({ segment, remotes, config }: ControlContext): Route {
  return route({
    method: 'GET',
    path: '/capacity',
    operation: 'getCapacity',
    summary: 'What could be taken now',
    params: {},
    answers: { 200: { description: 'The capacity.', json: capacitySchema } },
    errors: [],
    handle: () => {
      const { native, description } = segment;
      const workers = native.workers();
      const responders = workers.filter(({ role }) => role & WorkerRole.responder);
      const sum = (of: (worker: (typeof workers)[number]) => number) =>
        responders.reduce((total, worker) => total + of(worker), 0);
      const json = {
        capacity: sum(({ capacity }) => capacity),
        inFlight: sum(({ inFlight }) => inFlight),
        free: sum(({ capacity, inFlight }) => Math.max(0, capacity - inFlight)),
        rows: { total: description.maxWorkers, used: workers.length },
        remoteWorkers: { total: config.maxRemoteWorkers, used: remotes.list.length },
        pools: poolPictures(segment),
      };
      return { status: 200, json };
    },
  });
}

function poolPictures({ native, description }: Segment) {
  const used = new Map<number, number>();
  for (const { pool } of native.streams()) used.set(pool, (used.get(pool) ?? 0) + 1);
  return description.pools.map(({ index, name, streams, slotSize, stages }) => {
    return { name, streams, used: used.get(index) ?? 0, slotSize, stages };
  });
}

/** @throws UploadResponseError UNKNOWN_REMOTE_WORKER */
function picture({ segment, remotes }: ControlContext, id: string) {
  const row = /^\d/.test(id)
    ? Number(id)
    : remotes.list.find((one) => one.id === id)?.segment.worker;
  const info = segment.native.workers().find(({ index }) => index === row);
  if (!info) throw unknownRemoteWorker(id);
  return workerPicture(segment, remotes, info);
}
