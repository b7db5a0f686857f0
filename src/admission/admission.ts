/** What a client wants to do. `publish`: send an upload; `read`: of the control API, what a worker needs;
 *  `api`: all of it; `metrics`. */
export type Action = 'publish' | 'read' | 'api' | 'metrics';

/** Every action, for configurations and checks of what others wrote. */
export const ACTIONS = ['publish', 'read', 'api', 'metrics'] as const satisfies readonly Action[];

/** A client certificate that TLS has verified. */
export interface ClientCertificate {
  /** SHA-256 of the certificate, as Node writes it: `AB:CD:...`. */
  readonly fingerprint256: string;
  /** The subject in the order of the certificate: `O=Example,CN=camera 7`; RFC 4514 escapes. */
  readonly subject: string;
}

/** Who asks, and with which credentials. Nothing of the latter may reach logs, metrics or errors. */
export interface Caller {
  /** Registered name of the transport. */
  readonly transport: string;
  /** IP address of the peer, without its port. */
  readonly peer: string;
  /** `X-Forwarded-For` as it came, all of its fields: it counts where the peer is a trusted proxy. */
  readonly forwardedFor?: string | undefined;
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  /** Query without the question mark; '' without one. */
  readonly query: string;
  /** The `Authorization` field as it came. */
  readonly authorization?: string | undefined;
  /** Of protocols that have them; HTTP sends them in `Authorization: Basic`. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** What a media protocol has in a token's place: an RTMP stream key, an SRT stream id's key. */
  readonly streamKey?: string | undefined;
  /** Id of the session, where the protocol has one: for the callback. */
  readonly id?: string | undefined;
  readonly certificate?: ClientCertificate | undefined;
  /** The body's declared length. */
  readonly contentLength?: number | undefined;
}

/** What of a request's head the workers do not see. */
export interface Withheld {
  /** Names of fields, in lower case. */
  readonly headers: readonly string[];
  /** Names of query parameters. */
  readonly parameters: readonly string[];
}

/** A caller's leave to do what it asked for. */
export interface Permit {
  /** Name of the caller for logs: never a secret. Undefined where nobody is known by name. */
  readonly subject: string | undefined;
  /** A tighter limit than `limits.maxBodyBytes`, where there is one. */
  readonly maxBodyBytes: number | undefined;
  /** Credentials in the head; undefined: workers see everything. */
  readonly withheld?: Withheld | undefined;
  /** Must be called when what was permitted is over; a second call does nothing. A permit that was
   *  given to `ingress.open` is released there, also when `open` throws. */
  release(): void;
}

/** Decides who may do what, and how much of it at once. */
export interface Admission {
  /**
   * A permit; a promise only where something outside the process has to be asked. Throws or rejects
   * with an UploadResponseError that says why not. `opensStream`: it counts as a stream, until it is
   * released; by default what publishes does, but not what it says of a stream that is there.
   */
  admit(action: Action, caller: Caller, opensStream?: boolean): Permit | Promise<Permit>;
}

/** Decides whose connections are taken, before anything of them is read. */
export interface ConnectionAdmission {
  /**
   * Call what it returns once, when the connection has closed.
   * @throws UploadResponseError TOO_MANY_CONNECTIONS, TOO_MANY_REQUESTS
   */
  connect(peer: string): () => void;
}

const PERMIT: Permit = { subject: undefined, maxBodyBytes: undefined, release: () => {} };

/** Lets everybody do everything. */
export const openAdmission: Admission = { admit: () => PERMIT };
