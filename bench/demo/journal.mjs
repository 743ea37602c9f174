/** Reads the journals of the backends of one phase: accepted connections, booked payments. */

import { readFileSync } from 'node:fs';

/**
 * @typedef {object} Journal
 * @property {number} connections accepted
 * @property {Map<string, number>} bookings how often each payment was executed, by id
 */

/**
 * @param {string[]} files one for each backend
 * @returns {Journal}
 */
export function readJournals(files) {
  const journal = { connections: 0, bookings: new Map() };
  for (const file of files) {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      if (line === 'connection') journal.connections += 1;
      else if (line.startsWith('payment ')) count(journal.bookings, line.slice('payment '.length));
    }
  }
  return journal;
}

/**
 * @param {Map<string, number>} counts
 * @param {string} key
 */
export function count(counts, key) {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
