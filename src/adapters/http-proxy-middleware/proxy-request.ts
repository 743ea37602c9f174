/** What `on.proxyReq` gets: of the `ClientRequest` that it has in http-proxy-middleware, what concerns fields. */

import * as byName from './fields.js';

/** A request that is about to be sent. The body is relayed, so `write()`, `end()` and the like throw. */
export class ProxyRequest {
  readonly method: string;
  /** The path that is sent, with the query. */
  readonly path: string;
  readonly #fields: string[];

  /** @param fields to change, in place */
  constructor(method: string, path: string, fields: string[]) {
    this.method = method;
    this.path = path;
    this.#fields = fields;
  }

  setHeader(name: string, value: number | string | readonly string[]): this {
    byName.set(this.#fields, name, value);
    return this;
  }

  appendHeader(name: string, value: string | readonly string[]): this {
    byName.set(this.#fields, name, [...byName.valuesOf(this.#fields, name), ...[value].flat()]);
    return this;
  }

  removeHeader(name: string): void {
    byName.remove(this.#fields, name);
  }

  getHeader(name: string): string | string[] | undefined {
    return byName.oneOrMore(this.#fields, name);
  }

  hasHeader(name: string): boolean {
    return this.getHeader(name) !== undefined;
  }

  getHeaderNames(): string[] {
    return byName.namesOf(this.#fields);
  }

  getHeaders(): Record<string, string | string[] | undefined> {
    return Object.fromEntries(this.getHeaderNames().map((name) => [name, this.getHeader(name)]));
  }

  write(): never {
    throw new Error('the body is relayed: a body that a parser has read is written anew without your help');
  }

  end(): never {
    return this.write();
  }

  destroy(): never {
    throw new Error('a request is refused by throwing, or before the middleware');
  }

  abort(): never {
    return this.destroy();
  }

  on(): never {
    throw new Error('use the events of middleware.backends');
  }

  once(): never {
    return this.on();
  }
}
