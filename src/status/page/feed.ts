/** Receives the reports: from a stream of events, or by polling if there is no stream. */

import type { FullReport, Tick } from '../report.js';

/** `lost`: nothing arrives, and the page tries again. */
export type FeedState = 'connecting' | 'live' | 'polling' | 'paused' | 'lost';

export interface FeedListener {
  all(report: FullReport): void;
  tick(tick: Tick): void;
  state(state: FeedState): void;
}

const POLL_MS = 2_000;
const LOST_POLL_MS = 5_000;
/** After this many polls the page tries a stream again. */
const POLLS = 15;
/** No message for this long means that something on the way holds the stream back. */
const SILENT_MS = 15_000;

export class Feed {
  readonly #listener: FeedListener;
  #stream: EventSource | undefined;
  #timer: number | undefined;
  #failures = 0; // of the stream, since its last message

  constructor(listener: FeedListener) {
    this.#listener = listener;
  }

  start(): void {
    this.stop();
    this.#listener.state('connecting');
    this.#failures = 0;
    this.#listen();
  }

  pause(): void {
    this.stop();
    this.#listener.state('paused');
  }

  stop(): void {
    this.#stream?.close();
    this.#stream = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined; // tells a poll that is not answered yet that it is no longer wanted
  }

  #listen(): void {
    const stream = new EventSource(address('events'));
    this.#stream = stream;
    stream.addEventListener('full', (event) => this.#heard(() => this.#listener.all(JSON.parse(event.data))));
    stream.addEventListener('tick', (event) => this.#heard(() => this.#listener.tick(JSON.parse(event.data))));
    stream.addEventListener('error', () => this.#broken(stream));
    this.#expectWord();
  }

  #heard(take: () => void): void {
    this.#failures = 0;
    this.#listener.state('live');
    this.#expectWord();
    take();
  }

  #expectWord(): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      this.#listener.state('connecting');
      void this.#poll(POLLS);
    }, SILENT_MS);
  }

  /** The browser connects again by itself, unless the server told it not to: then the stream is `CLOSED`. */
  #broken(stream: EventSource): void {
    if (stream !== this.#stream) return;
    this.#failures += 1;
    this.#listener.state('lost');
    if (stream.readyState === EventSource.CLOSED || this.#failures > 2) this.#poll(POLLS);
  }

  async #poll(left: number): Promise<void> {
    this.stop();
    if (left === 0) {
      this.#listen();
      return;
    }
    const turn = window.setTimeout(() => {}, 0); // not to wait: its number marks this poll in #timer until another start or stop
    this.#timer = turn;
    const report = await asked();
    if (this.#timer !== turn) return;
    if (report !== undefined) this.#listener.all(report);
    this.#listener.state(report === undefined ? 'lost' : 'polling');
    const next = report === undefined ? left : left - 1;
    this.#timer = window.setTimeout(() => this.#poll(next), report === undefined ? LOST_POLL_MS : POLL_MS);
  }
}

async function asked(): Promise<FullReport | undefined> {
  try {
    // A stopped process neither answers nor refuses: without a limit this would wait for ever.
    const signal = AbortSignal.timeout(SILENT_MS);
    const response = await fetch(address('json&watch'), { cache: 'no-store', signal });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

/** The address of this page, wherever it is mounted, with another format. Without user and password: fetch() refuses them. */
function address(format: string): string {
  return `${location.origin}${location.pathname}?format=${format}`;
}
