/** Calls of the owner that see, judge or change what passes. */

import type { IncomingMessage } from 'node:http';

/**
 * Changes a list of fields: name, value, name, value… Returns the list to use; nothing takes the one given, with the
 * changes made in place. May give a promise.
 */
export type FieldsHook = (
  fields: string[],
  req: IncomingMessage,
) => readonly string[] | Nothing | PromiseLike<readonly string[] | Nothing>;

// TypeScript takes a function without a `return` for one that gives `void`, and not `undefined`.
// biome-ignore lint/suspicious/noConfusingVoidType: in a union with what else a hook may return
type Nothing = undefined | void;

/** What a response says of itself on its first line. */
export interface ResponseStatus {
  /** 200 to 999; 101 of an upgrade. */
  readonly statusCode: number;
  /** Reason phrase, often empty. */
  readonly statusText: string;
}

/** As {@link FieldsHook}, for the fields of a response. */
export type ResponseFieldsHook = (
  fields: string[],
  req: IncomingMessage,
  response: ResponseStatus,
) => ReturnType<FieldsHook>;

/** Gives the path to send, with the query. May give a promise. */
export type PathHook = (path: string, req: IncomingMessage) => string | PromiseLike<string>;

/** An interim response: 100, or 102 to 199. */
export interface Information {
  /** 100, or 102 to 199. */
  readonly statusCode: number;
  /** Reason phrase, often empty. */
  readonly statusText: string;
  /** Name, value, name, value… */
  readonly fields: readonly string[];
}

/** Sees an interim response; `false` keeps it from the client. */
export type InformationHook = (information: Information, req: IncomingMessage) => boolean | Nothing;

/** What an `idempotent` option may look at. */
export interface RequestFacts {
  /** As it will be sent: `GET`. */
  readonly method: string;
  /** The path that will be sent, with the query. */
  readonly path: string;
  /** End-to-end fields as name, value, name, value…, in the case they came in. */
  readonly fields: readonly string[];
}

/** True or false overrides the method; `undefined` leaves it to the method. */
export type IdempotentOption = (request: RequestFacts) => boolean | undefined;
