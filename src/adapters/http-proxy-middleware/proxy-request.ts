/** What `on.proxyReq` gets: the part of http-proxy-middleware's `ClientRequest` that concerns fields. */

import * as byName from './fields.js';

/**
 * The request passed to `on.proxyReq`: the methods of `http.ClientRequest` that concern fields. The body is relayed, so
 * `write()`, `end()` and the like throw.
 */
export class ProxyRequest {
  readonly #method: string;
  readonly #path: string;
  readonly #host: string;
  readonly #fields: string[];

  /**
   * @param host the Host field that is sent if `fields` have none
   * @param fields are changed in place
   */
  constructor(method: string, path: string, host: string, fields: string[]) {
    this.#method = method;
    this.#path = path;
    this.#host = host;
    this.#fields = fields;
  }

  /** Method as it is sent, for example `GET`. */
  get method(): string {
    return this.#method;
  }

  /** @throws Error always: the method cannot be changed */
  set method(_method: string) {
    throw new Error('the method cannot be changed: send another request with request() of a PooledBackend');
  }

  /** Path and query as they are sent. */
  get path(): string {
    return this.#path;
  }

  /** @throws Error always: use `pathRewrite` */
  set path(_path: string) {
    throw new Error('the path cannot be changed here: use pathRewrite');
  }

  /** Sets a field and removes others of that name. A list sets one field for each value. */
  setHeader(name: string, value: number | string | readonly string[]): this {
    byName.set(this.#fields, name, value);
    return this;
  }

  /** Adds a field, keeping others of that name. */
  appendHeader(name: string, value: string | readonly string[]): this {
    byName.set(this.#fields, name, [...byName.valuesOf(this.#fields, name), ...[value].flat()]);
    return this;
  }

  /** Removes all fields of that name. */
  removeHeader(name: string): void {
    byName.remove(this.#fields, name);
  }

  /** Returns the value of a field, a list if there are several, or `undefined`. */
  getHeader(name: string): string | string[] | undefined {
    return byName.oneOrMore(this.#fields, name) ?? (/^host$/i.test(name) ? this.#host : undefined);
  }

  /** Whether there is a field of that name, in any case. */
  hasHeader(name: string): boolean {
    return this.getHeader(name) !== undefined;
  }

  /** Returns the lower-case names of all fields, each once. */
  getHeaderNames(): string[] {
    return byName.namesOf(['host', this.#host, ...this.#fields]);
  }

  /** Returns all fields by lower-case name. */
  getHeaders(): Record<string, string | string[] | undefined> {
    return Object.fromEntries(this.getHeaderNames().map((name) => [name, this.getHeader(name)]));
  }

  /** @throws Error always: the body is relayed */
  write(): never {
    throw new Error('the body is relayed automatically, also one that a body parser has read');
  }

  /** @throws Error always: the body is relayed */
  end(): never {
    return this.write();
  }

  /** @throws Error always: throw from `on.proxyReq` to refuse a request */
  destroy(): never {
    throw new Error('to refuse a request throw, or answer it before the middleware');
  }

  /** @throws Error always: throw from `on.proxyReq` to refuse a request */
  abort(): never {
    return this.destroy();
  }

  /** @throws Error always: use the events of `middleware.backends` */
  on(): never {
    throw new Error('use the events of middleware.backends');
  }

  /** @throws Error always: use the events of `middleware.backends` */
  once(): never {
    return this.on();
  }
}
