/** What a client wants to do. `publish`: send an upload; `read`: take part in one as a worker does over
 *  the control API; `api`: the rest of the control API; `metrics`. */
export type Action = 'publish' | 'read' | 'api' | 'metrics';

/** Who asks, and with which credentials. Nothing of the latter may reach logs, metrics or errors. */
export interface Caller {
  /** Registered name of the transport. */
  readonly transport: string;
  /** IP address of the peer, without its port. */
  readonly peer: string;
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  /** Query without the question mark; '' without one. */
  readonly query: string;
  /** The `Authorization` field as it came. */
  readonly authorization?: string | undefined;
  /** SHA-256 fingerprint and subject of a client certificate that TLS has verified. */
  readonly certificate?: { readonly fingerprint256: string; readonly subject: string } | undefined;
  /** The body's declared length. */
  readonly contentLength?: number | undefined;
}

/** A caller's leave to do what it asked for. */
export interface Permit {
  /** Name of the caller for logs: never a secret. Undefined where nobody is known by name. */
  readonly subject: string | undefined;
  /** A tighter limit than `limits.maxBodyBytes`, where there is one. */
  readonly maxBodyBytes: number | undefined;
  /** Must be called once, when what was permitted is over. */
  release(): void;
}

/** Decides who may do what, and how much of it at once. */
export interface Admission {
  /**
   * A permit; a promise only where something outside the process has to be asked. Throws or rejects
   * with an UploadResponseError that says why not.
   */
  admit(action: Action, caller: Caller): Permit | Promise<Permit>;
}

const PERMIT: Permit = { subject: undefined, maxBodyBytes: undefined, release: () => {} };

/** Lets everybody do everything. */
export const openAdmission: Admission = { admit: () => PERMIT };
