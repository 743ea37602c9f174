/** What a scripted origin saw: its events, collected in records for the test. */

import type { OriginRequest } from './script.js';
import type { Step } from './steps.js';

/** Who ended a connection first, and how. */
export type Ending = 'client-closed' | 'client-reset' | 'origin-closed' | 'origin-reset';

/** Something that happened on the origin. Plain values: events are sent from one thread to another. */
export type OriginEvent =
  | { readonly seen: 'connection'; readonly connection: number }
  | { readonly seen: 'secure'; readonly connection: number; readonly resumed: boolean; readonly servername: string }
  | { readonly seen: 'bytes'; readonly connection: number; readonly bytes: Uint8Array }
  | { readonly seen: 'head'; readonly connection: number; readonly request: OriginRequest }
  | { readonly seen: 'body'; readonly connection: number; readonly bytes: Uint8Array }
  | { readonly seen: 'request'; readonly connection: number; readonly rawTrailers: readonly string[] }
  | { readonly seen: 'garbage'; readonly connection: number; readonly reason: string }
  | { readonly seen: 'execution'; readonly connection: number; readonly id: string }
  | { readonly seen: 'step'; readonly connection: number; readonly step: Step['do'] }
  | { readonly seen: 'end'; readonly connection: number; readonly by: Ending }
  | { readonly seen: 'closed'; readonly connection: number }
  | { readonly seen: 'most-open'; readonly open: number };

/** Bytes that arrive in pieces and are read as one. */
class Received {
  length = 0;
  readonly #pieces: Uint8Array[] = [];

  add(piece: Uint8Array): void {
    this.length += piece.length;
    this.#pieces.push(piece);
  }

  get bytes(): Buffer {
    if (this.#pieces.length === 1 && Buffer.isBuffer(this.#pieces[0])) return this.#pieces[0];
    const all = Buffer.concat(this.#pieces);
    this.#pieces.splice(0, this.#pieces.length, all);
    return all;
  }
}

/** A request as received by a scripted origin. It is updated while the request arrives. */
export class RequestRecord implements OriginRequest {
  readonly index: number;
  readonly connection: number;
  readonly onConnection: number;
  readonly id: string;
  /** Method as received, for example `GET`. */
  readonly method: string;
  /** The whole request target. */
  readonly path: string;
  /** HTTP version, for example `1.1`. */
  readonly version: string;
  readonly rawHeaders: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** Trailer fields as name, value, name, value… as received. */
  rawTrailers: readonly string[] = [];
  /** Whether the whole request was received. */
  complete = false;
  readonly #body = new Received();

  constructor(head: OriginRequest) {
    this.index = head.index;
    this.connection = head.connection;
    this.onConnection = head.onConnection;
    this.id = head.id;
    this.method = head.method;
    this.path = head.path;
    this.version = head.version;
    this.rawHeaders = head.rawHeaders;
    this.headers = head.headers;
  }

  get body(): Buffer {
    return this.#body.bytes;
  }

  /** @internal */
  addBody(bytes: Uint8Array): void {
    this.#body.add(bytes);
  }
}

/** A connection as seen by a scripted origin. It is updated while it is open. */
export class ConnectionRecord {
  /** Number of the connection, from 0, in order of acceptance. */
  readonly index: number;
  /** Requests whose head was received, oldest first. */
  readonly requests: RequestRecord[] = [];
  /**
   * Steps that were executed, oldest first. `hold` and `wait` are added when they begin, all others when they are done.
   */
  readonly steps: Step['do'][] = [];
  /** Why the received bytes are not a valid request; `undefined` if they are. */
  garbage: string | undefined = undefined;
  /** Set once the TLS handshake is done. */
  tls:
    | {
        /** Whether a session of an earlier connection was resumed. */
        readonly resumed: boolean;
        /** Server name sent by the client (SNI); empty if none. */
        readonly servername: string;
      }
    | undefined = undefined;
  /** Who ended the connection first, and how; `undefined` while it is open. */
  endedBy: Ending | undefined = undefined;
  /** Whether the socket is closed. */
  closed = false;
  readonly #received = new Received();

  constructor(index: number) {
    this.index = index;
  }

  /** Whether neither side has ended it. */
  get open(): boolean {
    return this.endedBy === undefined && !this.closed;
  }

  /** All bytes received, after TLS decryption. */
  get received(): Buffer {
    return this.#received.bytes;
  }

  /** Number of bytes received. */
  get bytesReceived(): number {
    return this.#received.length;
  }

  /** @internal */
  addReceived(bytes: Uint8Array): void {
    this.#received.add(bytes);
  }
}

export class OriginRecords {
  readonly connections: ConnectionRecord[] = [];
  readonly requests: RequestRecord[] = [];
  readonly executions = new Map<string, number>();
  mostOpen = 0;

  apply(event: OriginEvent): void {
    if (event.seen === 'most-open') {
      this.mostOpen = event.open;
      return;
    }
    if (event.seen === 'connection') {
      this.connections.push(new ConnectionRecord(event.connection));
      return;
    }
    const connection = this.connections[event.connection];
    if (connection === undefined) throw new Error(`${event.seen} on connection ${event.connection}, never accepted`);
    this.#applyTo(connection, event);
  }

  #applyTo(connection: ConnectionRecord, event: Exclude<OriginEvent, { seen: 'connection' | 'most-open' }>): void {
    switch (event.seen) {
      case 'secure':
        connection.tls = { resumed: event.resumed, servername: event.servername };
        return;
      case 'bytes':
        connection.addReceived(event.bytes);
        return;
      case 'head':
        this.#addRequest(connection, new RequestRecord(event.request));
        return;
      case 'body':
        connection.requests.at(-1)?.addBody(event.bytes);
        return;
      case 'request':
        this.#complete(connection.requests.at(-1), event.rawTrailers);
        return;
      case 'garbage':
        connection.garbage = event.reason;
        return;
      case 'execution':
        this.executions.set(event.id, (this.executions.get(event.id) ?? 0) + 1);
        return;
      case 'step':
        connection.steps.push(event.step);
        return;
      case 'end':
        connection.endedBy ??= event.by;
        return;
      case 'closed':
        connection.closed = true;
        return;
    }
  }

  #addRequest(connection: ConnectionRecord, request: RequestRecord): void {
    connection.requests.push(request);
    this.requests.push(request);
  }

  #complete(request: RequestRecord | undefined, rawTrailers: readonly string[]): void {
    if (request === undefined) return;
    request.complete = true;
    request.rawTrailers = rawTrailers;
  }

  /** For error messages. */
  describe(): string {
    const connections = this.connections.map((connection) => {
      const requests = connection.requests.map((request) => `${request.method} ${request.path}`);
      const state = connection.endedBy ?? (connection.closed ? 'closed' : 'open');
      const steps = connection.steps.length === 0 ? '' : `, did ${connection.steps.join(' ')}`;
      return `#${connection.index} ${state}: ${requests.join(', ') || `${connection.bytesReceived} bytes`}${steps}`;
    });
    return `${this.connections.length} connections, ${this.requests.length} requests. ${connections.join('; ')}`;
  }
}
