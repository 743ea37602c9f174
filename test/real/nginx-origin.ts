/** A real nginx as an origin. Its own counts and log say what it accepted and executed. */

import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { freePort } from '../../bench/rig/listen.mjs';
import { type Nginx, startNginx } from '../../bench/rig/nginx.mjs';

/** nginx's counts of its connections. */
export interface Connections {
  /** Open now. */
  readonly active: number;
  /** Accepted since its start; a reload does not reset it. */
  readonly accepted: number;
}

export class NginxOrigin {
  readonly url: string;
  readonly #nginx: Nginx;
  readonly #statusPort: number;
  // One connection for all questions. It is opened before the first count, so that it can be subtracted.
  readonly #statusAgent = new Agent({ keepAlive: true, maxSockets: 1 });
  #acceptedBefore = 0;

  private constructor(nginx: Nginx, port: number, statusPort: number) {
    this.#nginx = nginx;
    this.url = `http://127.0.0.1:${port}`;
    this.#statusPort = statusPort;
  }

  /** `directives` are put into the `server` block. GET and POST of other paths are answered with 200 and the path. */
  static async start(directives: string): Promise<NginxOrigin> {
    const port = await freePort();
    const statusPort = await freePort();
    const http = `
  log_format executed '$request_method $request_uri $status';
  server {
    listen 127.0.0.1:${port} backlog=4096;
    access_log executed.log executed;
    ${directives}
    location / { return 200 "$request_uri"; }
  }
  server {
    listen 127.0.0.1:${statusPort};
    keepalive_requests 1000000;
    location / { stub_status; }
  }`;
    const origin = new NginxOrigin(await startNginx({ http, port, workers: 2 }), port, statusPort);
    // Two connections: ours, and the one that found nginx ready, which a worker may not have accepted yet.
    while (origin.#acceptedBefore < 2) origin.#acceptedBefore = (await origin.#status()).accepted;
    return origin;
  }

  /** Connections of all others: the one of these questions is subtracted. */
  async connections(): Promise<Connections> {
    const { active, accepted } = await this.#status();
    return { active: active - 1, accepted: accepted - this.#acceptedBefore };
  }

  /** Every request that nginx executed, as `METHOD path status`, in order. */
  executed(): string[] {
    return readFileSync(join(this.#nginx.folder, 'executed.log'), 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  }

  reload(): void {
    this.#nginx.reload();
  }

  async stop(): Promise<void> {
    this.#statusAgent.destroy();
    await this.#nginx.stop();
  }

  #status(): Promise<Connections> {
    return new Promise((resolve, reject) => {
      const request = get({ agent: this.#statusAgent, host: '127.0.0.1', port: this.#statusPort }, async (response) => {
        let text = '';
        for await (const piece of response.setEncoding('latin1')) text += piece;
        const [, active] = /Active connections: (\d+)/.exec(text) ?? [];
        const [, accepted] = /\n (\d+) \d+ \d+/.exec(text) ?? [];
        resolve({ active: Number(active), accepted: Number(accepted) });
      });
      request.once('error', reject);
    });
  }
}
