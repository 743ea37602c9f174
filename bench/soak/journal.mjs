/** What clients, origins and the proxy have reported so far, joined by the ids of requests. */

import { Executions } from './executions.mjs';

export class Journal {
  executions;
  /** The most connections that an origin counted for seconds. */
  sustained = 0;
  requests = 0;
  answered = 0;
  left = 0;
  uninvited = 0;
  strays = 0;
  harms = 0;
  /** @type {Record<string, number>} */
  statuses = {};
  /** @type {{ id: string, method: string, mode: string, how: string, bodyBytes: number }[]} */
  failed = [];
  /** @type {{ id: string, method: string, got: string, times: import('./judge.mjs').Times }[]} */
  mixed = [];
  /** @type {string[]} */
  hung = [];
  /** @type {Map<string, import('./judge.mjs').Failure>} the last failure that the backend reported for a request */
  failures = new Map();
  /** @type {Map<string, string[]>} */
  harmed = new Map();

  /** @param {number} executions how often an idempotent request may be executed */
  constructor(executions) {
    this.executions = new Executions(executions);
  }

  /** @param {any} news of the clients */
  clients(news) {
    this.requests += news.requests;
    this.answered += news.answered;
    this.left += news.left.length;
    this.uninvited += news.uninvited;
    for (const [status, times] of Object.entries(news.statuses)) {
      this.statuses[status] = (this.statuses[status] ?? 0) + times;
    }
    this.failed.push(...news.failed);
    this.mixed.push(...news.mixed);
    this.hung.push(...news.hung);
    // Nobody will ask about requests whose clients left.
    for (const id of news.left) this.failures.delete(id);
  }

  /** @param {any} news of one origin */
  origin(news) {
    this.executions.add(news.executed);
    this.sustained = Math.max(this.sustained, news.sustained);
    for (const [id, fault] of news.harmed) {
      this.harms += 1;
      const known = this.harmed.get(id);
      if (known === undefined) this.harmed.set(id, [fault]);
      else known.push(fault);
    }
  }

  /** @param {any} failure as the backend reported it */
  failure(failure) {
    this.failures.set(failure.id, failure);
  }
}
