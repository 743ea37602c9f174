/** Which steps a scripted origin plays, and when: by rules, or by a function that sees the request. */

import { allOf, checkNames } from './known-names.js';
import { checkSteps, type Step } from './steps.js';

/** Steps for the requests that match `when`. All members of `when` must match. */
export interface Rule {
  /** Which requests. @default all */
  readonly when?:
    | {
        /** Method as received, for example `GET`. @default any */
        readonly method?: string | undefined;
        /** The whole request target. @default any */
        readonly path?: string | undefined;
        /** Number of the connection, from 0, in order of acceptance. @default any */
        readonly connection?: number | undefined;
        /** Number of the request on its connection, from 0. @default any */
        readonly requestOnConnection?: number | undefined;
        /** Every nth request of a connection: 3 matches the third, sixth, and so on. @default any */
        readonly everyOnConnection?: number | undefined;
        /** Number of the request among all requests, from 0, in order of their heads. @default any */
        readonly request?: number | undefined;
      }
    | undefined;
  /** When the steps are executed. @default 'request' */
  readonly at?: Moment | undefined;
  /** Steps, executed one after the other. */
  readonly steps: readonly Step[];
}

/**
 * When steps are executed: after a connection was accepted, a request head was received, or a whole request was
 * received.
 */
export type Moment = 'connection' | 'head' | 'request';

/** A request as received by a scripted origin. */
export interface OriginRequest {
  /** Number among all requests, from 0. */
  readonly index: number;
  /** Number of its connection, from 0. */
  readonly connection: number;
  /** Number on its connection, from 0. */
  readonly onConnection: number;
  /** Its `x-request-id`, or its path. */
  readonly id: string;
  /** Method as received, for example `GET`. */
  readonly method: string;
  /** The whole request target. */
  readonly path: string;
  /** HTTP version, for example `1.1`. */
  readonly version: string;
  /** Fields as received: name, value, name, value… */
  readonly rawHeaders: readonly string[];
  /** Fields by lower-case name; repeated ones joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** The part of the body received so far; all of it once `complete`. */
  readonly body: Uint8Array;
  /** Trailer fields as received: name, value, name, value… */
  readonly rawTrailers: readonly string[];
  /** Whether the whole request was received. */
  readonly complete: boolean;
}

/** Argument of a {@link Script}. */
export interface Scene {
  /** The request. */
  readonly request: OriginRequest;
  /** Number of the connection, from 0. */
  readonly connection: number;
  /** Number of the request on its connection, from 0. */
  readonly requestOnConnection: number;
}

/** Chooses the steps for a request. `undefined` leaves it to the rules, or else to `execute(), answer()`. */
export type Script = (scene: Scene) => readonly Step[] | undefined;

const RULE = allOf<keyof Rule>({ when: 0, at: 0, steps: 0 });
const WHEN = allOf<keyof NonNullable<Rule['when']>>({
  ...{ method: 0, path: 0, connection: 0, request: 0, requestOnConnection: 0, everyOnConnection: 0 },
});
const MOMENTS = allOf<Moment>({ connection: 0, head: 0, request: 0 });

/** @throws TypeError that names the rule */
export function checkRules(rules: readonly Rule[]): void {
  if (!Array.isArray(rules)) throw new TypeError(`rules must be a list of rules, got ${JSON.stringify(rules)}`);
  for (const [index, rule] of rules.entries()) {
    const where = `rules[${index}]`;
    checkNames(where, rule, RULE);
    checkNames(`${where}.when`, rule.when ?? {}, WHEN);
    if (rule.at !== undefined && !MOMENTS.includes(rule.at))
      throw new TypeError(`${where}.at must be one of ${MOMENTS.join(', ')}, got ${String(rule.at)}`);
    // There is no request yet: a rule that asks for one would never match.
    if (rule.at === 'connection') checkNames(`${where}.when at the moment connection`, rule.when ?? {}, ['connection']);
    checkSteps(`${where}.steps`, rule.steps);
  }
}
