/** Balancers of an owner: objects with `pick()`, which also check what they are asked. */

/** @typedef {import('pooled-backend').Candidate} Candidate */

const WRONG = 0.05;
const upTo = (/** @type {number} */ most) => Math.floor(Math.random() * most);

/** What a balancer answers that does not work. @type {readonly (() => any)[]} */
const WRONG_ANSWERS = [
  () => -1,
  () => Number.NaN,
  () => 1000,
  () => undefined,
  () => {
    throw new Error('a balancer of the soak threw');
  },
];

/** @type {Record<string, (candidates: readonly Candidate[], path: string | undefined) => number>} */
const PICKS = {
  random: ({ length }) => upTo(length),
  last: ({ length }) => length - 1,
  path: ({ length }, path) => (path === undefined ? upTo(length) : Number(/\d+/.exec(path)?.[0] ?? 0) % length),
  wrong: ({ length }) => (Math.random() < WRONG ? WRONG_ANSWERS[upTo(WRONG_ANSWERS.length)]?.() : upTo(length)),
};

/**
 * Options of a backend, with `balance: { own, keeps }` replaced by such a balancer.
 * @param {Record<string, any>} options
 * @param {() => readonly string[]} names of the backend's origins
 * @param {(what: string, seen: string) => void} note called for candidates that cannot be
 */
export function withBalancer(options, names, note) {
  const { own, keeps } = options.balance ?? {};
  if (own === undefined) return options;
  const pick = (
    /** @type {readonly Candidate[]} */ candidates,
    /** @type {{ path: string } | undefined} */ request,
  ) => {
    if (candidates.length < 2) note('a balancer was asked without need', JSON.stringify(candidates));
    const order = candidates.map(({ origin }) => names().indexOf(origin));
    if (order.some((place, index) => place < 0 || (index > 0 && place <= (order[index - 1] ?? 0))))
      note('candidates were not in the order of the origins', JSON.stringify([candidates, names()]));
    for (const one of candidates) {
      if (one.idle + (one.maxConnections - one.busy - one.dialling) <= 0)
        note('a candidate had no connection and no room', JSON.stringify(one));
    }
    return PICKS[own]?.(candidates, request?.path) ?? 0;
  };
  return { ...options, balance: { ...(keeps && { keeps }), pick } };
}
