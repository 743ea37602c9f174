/** The messages between workers and the primary, on the channel of the cluster. Other code uses this channel, too. */

/** From a worker: about the share that one of its backends has in the connections to one origin. */
export type ShareRequest =
  | { readonly pooledBackend: 'ask'; readonly member: string; readonly origin: string; readonly total: number }
  | {
      readonly pooledBackend: 'answer';
      readonly member: string;
      readonly origin: string;
      readonly turn: number;
      readonly held: number;
    }
  | { readonly pooledBackend: 'leave'; readonly member: string; readonly origin: string };

/** From the primary. */
export type ShareReply =
  | {
      readonly pooledBackend: 'order';
      readonly member: string;
      readonly origin: string;
      readonly share: number;
      readonly turn: number;
    }
  /** There is a place, but others still hold all connections: an order follows when they have closed some. */
  | {
      readonly pooledBackend: 'later';
      readonly member: string;
      readonly origin: string;
      readonly total: number;
      /** How many others there are. */
      readonly members: number;
    }
  | {
      readonly pooledBackend: 'refusal';
      readonly member: string;
      readonly origin: string;
      readonly total: number;
      /** How many have one connection each, or more. */
      readonly members: number;
    };

/** A message from a worker, if it is one of ours. */
export function asRequest(message: unknown): ShareRequest | undefined {
  return isOneOf<ShareRequest>(message, { ask: ['total'], answer: ['turn', 'held'], leave: [] }) ? message : undefined;
}

const REPLIES = { order: ['share', 'turn'], later: ['total', 'members'], refusal: ['total', 'members'] };

/** A message from the primary, if it is one of ours. */
export function asReply(message: unknown): ShareReply | undefined {
  return isOneOf<ShareReply>(message, REPLIES) ? message : undefined;
}

/** `numbers`: the properties of each kind that are numbers; all kinds have the names of a member and of an origin, too. */
function isOneOf<M extends ShareRequest | ShareReply>(
  message: unknown,
  numbers: Readonly<Record<M['pooledBackend'], readonly string[]>>,
): message is M {
  if (typeof message !== 'object' || message === null) return false;
  const read = (name: string): unknown => Reflect.get(message, name);
  const kind = Object.entries<readonly string[]>(numbers).find(([name]) => name === read('pooledBackend'));
  if (kind === undefined || typeof read('member') !== 'string' || typeof read('origin') !== 'string') return false;
  return kind[1].every((name) => Number.isSafeInteger(read(name)));
}
