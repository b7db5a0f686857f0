// Uploads over WebRTC data channels, and live media, from a page; docs/transports/webrtc.md says what is spoken.

const MESSAGE_BYTES = 65_536;
/** Bytes that the browser may hold, so that the network always has some. */
const BUFFERED_BYTES = 1_048_576;
/** A connection that is disconnected for so long is lost. */
const DISCONNECTED_MS = 2000;
/** A connection that has stood for so long was a good one: attempts are counted anew. */
const STOOD_MS = 10_000;
const FIRST_DELAY_MS = 250;
/** Refusals that may pass: 409, since whoever publishes there may go. */
const PASSING = new Set([0, 408, 409, 429]);

/** Why an upload has no whole answer. `status` as over HTTP, 0 where the connection was lost. */
export class UploadError extends Error {
  constructor(message, status = 0, code = 'CONNECTION_LOST') {
    super(message);
    this.name = 'UploadError';
    this.status = status;
    this.code = code;
  }
}

/** A connection to the server: what `publish` sends, and any number of uploads, also at once. */
export class UploadSession {
  #peer;
  #location;
  #headers;
  #stop = () => {};

  /**
   * Posts an offer to WHIP and connects. Rejects with an UploadError.
   * @param {string} url such as https://upload.example/whip/room
   * @param {{ token?: string, iceServers?: RTCIceServer[] }} [options]
   */
  static connect(url, options) {
    // Without one there is no section for channels in the offer.
    return UploadSession.#open(url, options, (peer) =>
      peer.createDataChannel('', { negotiated: true, id: 1023 }),
    );
  }

  /**
   * Publishes a stream: its first track of video, and its first one of audio. Rejects with an UploadError.
   * @param {string} url
   * @param {MediaStream} stream
   * @param {{ token?: string, iceServers?: RTCIceServer[], statsIntervalMs?: number,
   *   onStats?: (stats: PublishStats) => void, onEnd?: (error?: UploadError) => void,
   *   reconnect?: boolean | { attempts?: number, maxDelayMs?: number },
   *   onStatus?: (status: 'reconnecting' | 'connected') => void }} [options]
   *   `onEnd`: once, without an error after `close`; `reconnect`: publish again when the connection is lost
   */
  static async publish(url, stream, options = {}) {
    const { statsIntervalMs = 1000, onStats, onEnd, onStatus, reconnect } = options;
    const { attempts = 10, maxDelayMs = 10_000 } = reconnect || { attempts: 0 };
    const open = () =>
      UploadSession.#open(url, options, (peer) => {
        for (const [track] of [stream.getVideoTracks(), stream.getAudioTracks()]) {
          if (track) peer.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
        }
      });
    const session = await open();
    const tell = () =>
      session.#peer.getStats().then(
        (report) => onStats(statsOf(report)),
        () => {},
      );
    const timer = onStats && setInterval(tell, statsIntervalMs);
    let over = false;
    let tries = 0;
    session.#stop = (error) => {
      if (over) return;
      over = true;
      clearInterval(timer);
      onEnd?.(error);
    };
    const again = async (since) => {
      let error = new UploadError('the connection was lost');
      if (performance.now() - since > STOOD_MS) tries = 0;
      if (tries < attempts) onStatus?.('reconnecting');
      while (!over && tries < attempts && PASSING.has(error.status < 500 ? error.status : 0)) {
        const delayMs = Math.min(maxDelayMs, FIRST_DELAY_MS * 2 ** tries++) * Math.random();
        await new Promise((resume) => setTimeout(resume, delayMs));
        if (over) return;
        try {
          const next = await open();
          // Closed meanwhile: what it has begun is over too.
          if (over) return void next.close();
          session.#peer = next.#peer;
          session.#location = next.#location;
          onStatus?.('connected');
          return watch();
        } catch (thrown) {
          error = thrown instanceof UploadError ? thrown : error;
        }
      }
      session.#stop(error);
    };
    const watch = () => {
      const peer = session.#peer;
      const since = performance.now();
      let patience;
      const look = () => {
        const state = peer.connectionState;
        clearTimeout(patience);
        if (over || peer !== session.#peer) return;
        if (state === 'failed' || state === 'closed') lost();
        else if (state === 'disconnected' && attempts > 0) {
          patience = setTimeout(lost, DISCONNECTED_MS);
        }
      };
      const lost = () => {
        peer.removeEventListener('connectionstatechange', look);
        if (over) return;
        if (attempts > 0) peer.close();
        again(since);
      };
      peer.addEventListener('connectionstatechange', look);
      look();
    };
    watch();
    return session;
  }

  static async #open(url, { token, iceServers = [] } = {}, prepare) {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const peer = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
    try {
      prepare(peer);
      await peer.setLocalDescription();
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/sdp' },
        body: peer.localDescription.sdp,
      });
      const text = await response.text();
      if (!response.ok) throw errorOf(response.status, text);
      await peer.setRemoteDescription({ type: 'answer', sdp: text });
      const location = new URL(response.headers.get('location'), response.url);
      const session = new UploadSession(peer, location, headers);
      await session.#connected();
      return session;
    } catch (error) {
      peer.close();
      throw error;
    }
  }

  constructor(peer, location, headers) {
    this.#peer = peer;
    this.#location = location;
    this.#headers = headers;
  }

  /**
   * Sends one body. Resolves with the worker's answer; rejects with an UploadError.
   * @param {Blob | BufferSource} body
   * @param {{ headers?: Record<string, string>, label?: string, signal?: AbortSignal,
   *   onProgress?: (progress: { sentBytes: number, totalBytes: number }) => void }} [options]
   *   `sentBytes`: what the server has said that it may have, and the network has taken
   * @returns {Promise<Response>}
   */
  upload(body, { headers = {}, label = 'upload', signal, onProgress } = {}) {
    const blob = body instanceof Blob ? body : new Blob([body]);
    const channel = this.#peer.createDataChannel(label);
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = BUFFERED_BYTES / 2;
    return new Promise((resolve, reject) => {
      const parts = [];
      let head;
      let windowBytes = 0;
      let over = false;
      let wake = () => {};
      const finish = (settle) => {
        if (over) return;
        over = true;
        settle();
        channel.close();
        wake();
      };
      const fail = (error) => finish(() => reject(error));
      signal?.addEventListener('abort', () => fail(signal.reason), { once: true });
      channel.onclose = () => fail(new UploadError('the connection was lost'));
      channel.onerror = channel.onclose;
      channel.onbufferedamountlow = () => wake();
      channel.onmessage = ({ data }) => {
        if (typeof data !== 'string') return parts.push(data);
        const message = JSON.parse(data);
        if (message.type === 'window') {
          windowBytes = message.bytes;
          wake();
        } else if (message.type === 'head') head = message;
        else if (message.type === 'error') {
          fail(new UploadError(message.message, message.status, message.error));
        } else if (message.type === 'end') finish(() => resolve(answerOf(head, parts)));
      };
      channel.onopen = async () => {
        const length = blob.size;
        channel.send(JSON.stringify({ type: 'open', headers: Object.entries(headers), length }));
        for (let at = 0; at < length && !over; ) {
          const end = Math.min(at + MESSAGE_BYTES, length);
          if (end > windowBytes || channel.bufferedAmount > BUFFERED_BYTES) {
            await new Promise((resume) => {
              wake = resume;
            });
            continue;
          }
          const bytes = await blob.slice(at, end).arrayBuffer();
          if (over) return;
          channel.send(bytes);
          at = end;
          onProgress?.({ sentBytes: at - channel.bufferedAmount, totalBytes: length });
        }
        if (!over) channel.send('{"type":"end"}');
      };
      if (signal?.aborted) fail(signal.reason);
    });
  }

  /** Ends the session: what was published is complete, uploads that are under way are given up. */
  async close() {
    await fetch(this.#location, { method: 'DELETE', headers: this.#headers }).catch(() => {});
    this.#stop();
    this.#peer.close();
  }

  #connected() {
    const peer = this.#peer;
    return new Promise((resolve, reject) => {
      const look = () => {
        if (peer.connectionState === 'connected') resolve();
        else if (peer.connectionState === 'failed' || peer.connectionState === 'closed') {
          reject(new UploadError('there is no way to the server over UDP'));
        }
      };
      peer.addEventListener('connectionstatechange', look);
      look();
    });
  }
}

/**
 * What has been sent, by kind, since the beginning.
 * @typedef {{ bytes: number, packets: number, lostPackets: number, codec?: string, frames?: number,
 *   keyframes?: number, width?: number, height?: number }} TrackStats
 * @typedef {{ video?: TrackStats, audio?: TrackStats, roundTripMs?: number }} PublishStats
 */
function statsOf(report) {
  const stats = {};
  for (const one of report.values()) {
    if (one.type === 'outbound-rtp') {
      stats[one.kind] = {
        bytes: one.bytesSent,
        packets: one.packetsSent,
        lostPackets: report.get(one.remoteId)?.packetsLost ?? 0,
        codec: report.get(one.codecId)?.mimeType,
        frames: one.framesEncoded,
        keyframes: one.keyFramesEncoded,
        width: one.frameWidth,
        height: one.frameHeight,
      };
    } else if (one.type === 'candidate-pair' && one.nominated) {
      stats.roundTripMs = one.currentRoundTripTime * 1000;
    }
  }
  return stats;
}

function answerOf({ status, headers }, parts) {
  const empty = status === 204 || status === 205 || status === 304;
  return new Response(empty ? null : new Blob(parts), { status, headers });
}

function errorOf(status, text) {
  try {
    const { error, message } = JSON.parse(text);
    return new UploadError(message, status, error);
  } catch {
    return new UploadError(`the server answered ${status}`, status, 'UNKNOWN');
  }
}
