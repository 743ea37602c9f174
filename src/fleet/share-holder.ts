/** How many connections this process may hold of a total that it shares: the worker's side, as a state machine. */

/** The connections of a backend to one origin. */
export interface HeldConnections {
  /** Open or being opened now. */
  readonly held: number;
  /** Sets the limit from now on. Beyond it, idle connections are closed at once, and busy ones when their exchange has ended. */
  limit(connections: number): void;
}

/** The answer to an order: no more than `held` are open, and none will be opened beyond the share. */
export interface ShareAnswer {
  readonly turn: number;
  readonly held: number;
}

type HolderState =
  | { readonly name: 'waiting' }
  | { readonly name: 'holding'; readonly share: number }
  /** Above its share; `answered` is the last number that was told. */
  | { readonly name: 'shrinking'; readonly share: number; readonly turn: number; answered: number };

export class ShareHolder {
  readonly #connections: HeldConnections;
  readonly #answer: (answer: ShareAnswer) => void;
  #state: HolderState = { name: 'waiting' };

  constructor(connections: HeldConnections, answer: (answer: ShareAnswer) => void) {
    this.#connections = connections;
    this.#answer = answer;
  }

  /** The present share; `undefined` before the first one came. */
  get share(): number | undefined {
    return this.#state.name === 'waiting' ? undefined : this.#state.share;
  }

  get state(): HolderState['name'] {
    return this.#state.name;
  }

  /** The primary has said how many there may be. */
  ordered(share: number, turn: number): void {
    this.#state = { name: 'shrinking', share, turn, answered: Number.POSITIVE_INFINITY };
    this.#connections.limit(share); // it may close some at once
    this.closed();
  }

  /** Connections have closed. */
  closed(): void {
    const state = this.#state;
    if (state.name !== 'shrinking') return;
    const held = Math.max(this.#connections.held, state.share);
    if (held < state.answered) {
      state.answered = held;
      this.#answer({ turn: state.turn, held });
    }
    if (held === state.share) this.#state = { name: 'holding', share: state.share };
  }
}
