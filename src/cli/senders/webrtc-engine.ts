import { createRequire } from 'node:module';
import { EXIT_CODES } from '../exit-codes.js';
import { CliError } from '../failure.js';

/** What is used of node-datachannel, as its types have it. Whatever a callback throws ends the process. */
export interface RtcEngine {
  readonly PeerConnection: new (name: string, config: { iceServers: string[] }) => RtcPeer;
  /** Closes everything of the process, and waits for the threads. */
  cleanup(): void;
}

export interface RtcPeer {
  createDataChannel(label: string): RtcChannel;
  localDescription(): { readonly sdp: string } | null;
  setRemoteDescription(sdp: string, type: 'answer'): void;
  onStateChange(callback: (state: string) => void): void;
  onGatheringStateChange(callback: (state: string) => void): void;
  close(): void;
}

export interface RtcChannel {
  sendMessage(text: string): boolean;
  sendMessageBinary(bytes: Uint8Array): boolean;
  bufferedAmount(): number;
  setBufferedAmountLowThreshold(bytes: number): void;
  onOpen(callback: () => void): void;
  onClosed(callback: () => void): void;
  onBufferedAmountLow(callback: () => void): void;
  onMessage(callback: (message: string | Buffer | ArrayBuffer) => void): void;
  close(): void;
}

/** @throws CliError: it is not installed, or does not load */
export function loadEngine(): RtcEngine {
  try {
    return createRequire(import.meta.url)('node-datachannel') as RtcEngine;
  } catch (error) {
    const [reason = ''] = (error as Error).message.split('\n');
    const missing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
    throw new CliError(
      `WebRTC needs node-datachannel, which ${missing ? 'is not installed' : `fails: ${reason}`}`,
      EXIT_CODES.failed.code,
      'npm install node-datachannel@0.33',
    );
  }
}
