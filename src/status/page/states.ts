/** The states of a connection in the order of its life, with the words that the page uses for them. */

import type { ConnectionStats, StateCounts } from '../report.js';

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

/** `62 busy, 30 idle`, for people who do not see the strip. */
export function inWords(counts: StateCounts): string {
  const parts = STATES.filter((state) => counts[state] > 0).map((state) => `${counts[state]} ${WORDS[state].name}`);
  return parts.length === 0 ? 'none open' : parts.join(', ');
}
