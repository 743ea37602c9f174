/** The states of a connection in the order of its life, with the words that the page uses for them. */

import type { ConnectionStats } from '../report.js';

export type SlotState = ConnectionStats['state'];

export const STATES: readonly SlotState[] = ['busy', 'idle', 'fresh', 'spare', 'dialling', 'retired', 'tunnel'];

export const WORDS: Readonly<Record<SlotState, { readonly name: string; readonly meaning: string }>> = {
  busy: { name: 'busy', meaning: 'carries a request, not its first: reused' },
  idle: { name: 'idle', meaning: 'has carried requests and waits for the next' },
  fresh: { name: 'first ride', meaning: 'carries its first request' },
  spare: { name: 'spare', meaning: 'open, and never carried a request' },
  dialling: { name: 'opening', meaning: 'is being opened' },
  retired: { name: 'retired', meaning: 'carries its last request' },
  tunnel: { name: 'tunnel', meaning: 'switched protocols, WebSocket for one' },
};

export type StateCounts = Readonly<Record<SlotState, number>>;

export function countStates(slots: Iterable<ConnectionStats>): StateCounts {
  const counts = { busy: 0, idle: 0, fresh: 0, spare: 0, dialling: 0, retired: 0, tunnel: 0 };
  for (const { state } of slots) counts[state] += 1;
  return counts;
}

/** `62 busy, 30 idle`, for people who do not see the strip. */
export function inWords(counts: StateCounts): string {
  const parts = STATES.filter((state) => counts[state] > 0).map((state) => `${counts[state]} ${WORDS[state].name}`);
  return parts.length === 0 ? 'none open' : parts.join(', ');
}
