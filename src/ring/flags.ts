/** Flags of a slot (`SlotFlags` in native/core/layout.h). */
export const SlotFlag = { head: 1, body: 2, end: 4, control: 8, trailers: 16 } as const;

/** Lanes of a stream: stage lanes follow the response lane in the order of the pool's `stages`. */
export const Lane = { request: 0, response: 1, firstStage: 2 } as const;

/** Where a reader joins a lane, other than after a slot that counts as read (0: from the first slot). */
export const JoinAt = { start: 0, newest: -1, keyframe: -2 } as const;

/** What a worker asks of the server when it attaches. */
export const WorkerRole = { ingress: 1, responder: 2, observer: 4, monitor: 8 } as const;

/** Index part of a stream id: stable for the place, while the id changes at each use. */
export function streamIndex(id: number): number {
  return id % 65536;
}
