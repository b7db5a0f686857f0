/** What a part of a running server makes of another configuration: read and tried, not yet in force. */
export interface ReloadStep {
  /** Puts it in force for what is new. Never throws. */
  commit(): void;
  /** Sections of the configuration whose certificates are others than before. */
  readonly certificates?: readonly string[];
  /** Sections whose files have changed, while what was read at the start stays in force. */
  readonly needRestart?: readonly string[];
}
