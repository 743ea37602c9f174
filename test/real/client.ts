/** Clients of a proxy under test. */

import { type Agent, request } from 'node:http';

export interface Answer {
  /** 0 if the connection was lost. */
  readonly status: number;
  readonly body: string;
}

/** Sends one request; `agent: false` opens a connection for it alone. Never rejects, never sends again. */
export function send(port: number, method: 'GET' | 'POST', path: string, agent: Agent | false): Promise<Answer> {
  return new Promise((resolve) => {
    const outgoing = request({ host: '127.0.0.1', port, method, path, agent }, async (response) => {
      let body = '';
      try {
        for await (const piece of response.setEncoding('latin1')) body += piece;
        resolve({ status: response.statusCode ?? 0, body });
      } catch (error) {
        resolve({ status: 0, body: String(error) });
      }
    });
    outgoing.once('error', (error) => resolve({ status: 0, body: String(error) }));
    outgoing.end(method === 'POST' ? 'x'.repeat(1024) : undefined);
  });
}
