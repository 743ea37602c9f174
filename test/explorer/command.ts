/** The explorer as a command. */

import { parseArgs } from 'node:util';
import { KINDS, type Kind, type Setting } from './events.js';
import { explore } from './explore.js';

const HELP = `npm run explore -- [options]

Drives the dispatcher, the queue, the pool and the connections, in memory, through every order of events.

  --origins N    servers (1)
  --slots N      connections for each (1)
  --requests N   of every kind, in every order (2)
  --kinds LIST   of these kinds: ${KINDS.join()} (all of them)
  --only LIST    these requests in this order, instead of the two above
  --faults N     most faults in a history (1)
  --changes N    most changes that the owner makes in a history: origins drained, removed, without weight, back; another limit (0)
  --spares N     spare connections (0)
  --deaf         the kernel cannot be asked whether a connection is alive
  --seconds N    for each sequence of requests (no limit)
`;

/** Resolves to the exit code: 1 after a broken promise. */
export async function main(args: readonly string[]): Promise<number> {
  const option = (fallback: string) => ({ type: 'string', default: fallback }) as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ origins: option('1'), slots: option('1'), requests: option('2'), faults: option('1'), spares: option('0') },
      ...{ changes: option('0') },
      ...{ kinds: option(KINDS.join()), only: option(''), seconds: option('Infinity') },
      deaf: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const { origins, slots, faults, changes, spares, deaf } = values;
  const numbers = {
    ...{ origins: Number(origins), slots: Number(slots) },
    ...{ faults: Number(faults), changes: Number(changes), spares: Number(spares), deaf },
  };
  const sequences =
    values.only === ''
      ? sequencesOf(values.kinds.split(',').filter(isKind), Number(values.requests))
      : [values.only.split(',').filter(isKind)];
  return (await exploreAll(numbers, sequences, 1_000 * Number(values.seconds))) ? 0 : 1;
}

/** Resolves to false after a broken promise. */
async function exploreAll(
  numbers: Omit<Setting, 'requests'>,
  sequences: readonly Kind[][],
  ms: number,
): Promise<boolean> {
  let [states, transitions, isComplete] = [0, 0, true];
  const started = performance.now();
  for (const requests of sequences) {
    const found = await explore({ ...numbers, requests }, { ms });
    states += found.states;
    transitions += found.transitions;
    isComplete &&= found.complete;
    const extent = found.complete ? `all, longest history ${found.longest}` : `not all, to length ${found.longest}`;
    console.log(`${requests.join(' ')}: ${found.states} states, ${found.transitions} transitions, ${extent}`);
    if (found.breach === undefined) continue;
    console.log(`BREACH: ${found.breach}`);
    return false;
  }
  const seconds = ((performance.now() - started) / 1_000).toFixed(0);
  const extent = isComplete ? 'complete' : 'cut off by the limit';
  console.log(`${states} states, ${transitions} transitions, ${extent}, no breach, ${seconds} s`);
  return true;
}

function isKind(text: string): text is Kind {
  return KINDS.some((kind) => kind === text);
}

/** Every sequence of `length` of these kinds. */
export function sequencesOf(kinds: readonly Kind[], length: number): Kind[][] {
  if (length === 0) return [[]];
  return sequencesOf(kinds, length - 1).flatMap((rest) => kinds.map((kind) => [...rest, kind]));
}
