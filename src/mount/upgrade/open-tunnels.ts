/** The tunnels of a backend that are open. */

/** A tunnel that is joined with its client. */
export interface OpenTunnel {
  end(): void;
  destroy(): void;
}

export class OpenTunnels {
  readonly #open = new Set<OpenTunnel>();
  #waiting: (() => void)[] = []; // for the last one to close

  add(tunnel: OpenTunnel): void {
    this.#open.add(tunnel);
  }

  delete(tunnel: OpenTunnel): void {
    this.#open.delete(tunnel);
    if (this.#open.size > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when none is open. */
  allClosed(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends the open tunnels: both sides take what is on its way to them, then have a moment to close. */
  end(): void {
    for (const tunnel of this.#open) tunnel.end();
  }

  destroy(): void {
    for (const tunnel of this.#open) tunnel.destroy();
  }
}
