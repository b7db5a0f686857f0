import type { TransportClient } from '../conformance/client.js';
import type { TestServer, TestServerOptions } from '../support/test-server.js';
import type { Duty, Language, Program } from './program.js';

/** What a scenario runs on. */
export interface Stage {
  readonly server: TestServer;
  /** How uploads are sent: HTTP/1.1. */
  readonly client: TransportClient;
  /** The language of the scenario's `place`, from 0. */
  language(place: number): Language;
  /** Starts a program in the language of `place`; resolves when it is attached. */
  start(duty: Duty, place?: number): Promise<Program>;
  /** The same without waiting; `socket`: instead of the server's. */
  spawn(duty: Duty, place?: number, socket?: string, language?: Language): Program;
}

/** One thing that holds for workers of every language, in every mix. */
export interface Scenario {
  readonly name: string;
  /** How many languages meet in it. */
  readonly places: 1 | 2 | 3;
  readonly options?: TestServerOptions;
  run(stage: Stage): Promise<void>;
}
