/** An attempt as it begins, and the fields that listeners add to its head. */

import { BackendError } from '../../errors.js';
import { checkField, endToEndFields } from '../../http1/fields.js';
import type { AttemptNews } from '../../observe/events.js';

/** Fields that no listener can add: with them the dispatcher itself says where the request goes, and where its body ends. */
const OURS: ReadonlySet<string> = new Set(['host', 'content-length', 'expect']);

type Facts = Omit<AttemptNews, 'addField'>;

export class AttemptBeginning implements AttemptNews {
  readonly request: number;
  readonly attempt: number;
  readonly method: string;
  readonly path: string;
  readonly origin: string;
  readonly reused: boolean;
  readonly waitedMs: number;
  readonly #added: string[] = []; // name, value, name, value…
  #over = false;

  constructor({ request, attempt, method, path, origin, reused, waitedMs }: Facts) {
    this.request = request;
    this.attempt = attempt;
    this.method = method;
    this.path = path;
    this.origin = origin;
    this.reused = reused;
    this.waitedMs = waitedMs;
  }

  addField(name: string, value: string): void {
    if (this.#over) throw new Error(`the field ${name} was added after the attempt had begun`);
    checkField(name, value);
    if (OURS.has(name.toLowerCase()) || endToEndFields([name, value]).length === 0) {
      throw new BackendError('http_request_error', `the field ${name} is not one that can be added to an attempt`);
    }
    this.#added.push(name, value);
  }

  /** The fields that were added; `undefined` = none. From now on `addField()` throws. */
  takeAdded(): readonly string[] | undefined {
    this.#over = true;
    return this.#added.length === 0 ? undefined : this.#added;
  }
}
