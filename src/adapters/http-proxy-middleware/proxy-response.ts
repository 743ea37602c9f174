/** What `on.proxyRes` gets: the head of http-proxy-middleware's `IncomingMessage`. */

import * as byName from './fields.js';

/**
 * The response passed to `on.proxyRes`: the head of an `http.IncomingMessage`. The body cannot be read, so `on()`,
 * `pipe()` and the like throw.
 */
export class ProxyResponse {
  /** Fields by lower-case name; may be changed. `set-cookie` is a list. */
  readonly headers: Record<string, string | string[] | undefined>;
  /** Fields as received: name, value, name, value… */
  readonly rawHeaders: readonly string[];
  readonly #statusCode: number;
  readonly #statusMessage: string;

  constructor(statusCode: number, statusMessage: string, fields: readonly string[]) {
    this.#statusCode = statusCode;
    this.#statusMessage = statusMessage;
    this.rawHeaders = [...fields];
    this.headers = Object.fromEntries(byName.namesOf(fields).map((name) => [name, joined(fields, name)]));
  }

  /** Status of the final response. */
  get statusCode(): number {
    return this.#statusCode;
  }

  /** @throws Error always: the status cannot be changed */
  set statusCode(_code: number) {
    throw new Error('the status cannot be changed: answer with request() or fetch() of a PooledBackend instead');
  }

  /** Reason phrase; often empty. */
  get statusMessage(): string {
    return this.#statusMessage;
  }

  /** @throws Error always: the status cannot be changed */
  set statusMessage(_text: string) {
    this.statusCode = this.#statusCode;
  }

  /** @throws Error always: the body is relayed */
  on(): never {
    throw new Error('the body cannot be read here: to change it answer with request() or fetch() of a PooledBackend');
  }

  /** @throws Error always: the body is relayed */
  once(): never {
    return this.on();
  }

  /** @throws Error always: the body is relayed */
  pipe(): never {
    return this.on();
  }

  /** @internal The fields as they are in `headers` now. Unchanged fields are as received, with name case and order. */
  changed(): string[] {
    const fields = [...this.rawHeaders];
    const given = byName.namesOf(fields);
    for (const name of new Set([...given, ...Object.keys(this.headers)])) {
      const value: string | string[] | null | undefined = this.headers[name]; // plain JavaScript may remove a field with null
      if (value === undefined || value === null) byName.remove(fields, name);
      else if (!(given.includes(name) && isSame(value, joined(this.rawHeaders, name)))) byName.set(fields, name, value);
    }
    return fields;
  }
}

function joined(fields: readonly string[], name: string): string | string[] {
  const values = byName.valuesOf(fields, name);
  return name.toLowerCase() === 'set-cookie' ? values : values.join(', ');
}

function isSame(one: string | string[], other: string | string[]): boolean {
  return typeof one === 'object' && typeof other === 'object'
    ? one.length === other.length && one.every((value, i) => value === other[i])
    : one === other;
}
