/** What the arbiter reports, and `arbiter`: this process is it now, in another's place. */
export type ControlEvent =
  | {
      readonly type: 'arbiter';
      readonly pid: number;
    }
  | {
      /** `resumed`: one that the arbiter before had let in. */
      readonly type: 'attached' | 'resumed';
      readonly worker: number;
      readonly pid: number;
      readonly name: string;
      readonly ingress: boolean;
    }
  | {
      readonly type: 'dead';
      readonly worker: number;
      readonly pid: number;
      readonly name: string;
      readonly ingress: boolean;
      readonly tornSlots: number;
      readonly claims: number;
      readonly readers: number;
      readonly pins: number;
      readonly recoveryNs: number;
      /** Streams of a dead ingress: closed, and now this process's, which has to reclaim them. */
      readonly streams: readonly number[];
    }
  | {
      readonly type: 'refused';
      readonly pid: number;
      readonly code: number;
      readonly detail: string;
    };
