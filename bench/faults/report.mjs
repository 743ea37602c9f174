/** Writes bench/faults.md, the results of the comparison. */

import { noCounts } from './cell.mjs';

/** @typedef {import('./cell.mjs').Counts} Counts */
/** @typedef {import('./peers.mjs').Peer} Peer */

const COLUMNS = ['POST executed twice', 'wrong responses', 'GET failed', 'hung', 'POST failed'];

/** @param {Counts} counts */
function cells({ gets, getsFailed, posts, postsFailed, postsTwice, wrong, hung }) {
  const of = (/** @type {number} */ count, /** @type {number} */ all) => (count === 0 ? '0' : `**${count}** of ${all}`);
  const requests = gets + posts;
  return [of(postsTwice, posts), of(wrong, requests), of(getsFailed, gets), of(hung, requests), of(postsFailed, posts)];
}

/**
 * @param {readonly Peer[]} peers
 * @param {(peer: Peer) => Counts} countsOf
 */
function table(peers, countsOf) {
  return [
    `| | ${COLUMNS.join(' | ')} |`,
    `| --- |${' ---: |'.repeat(COLUMNS.length)}`,
    ...peers.map((peer) => `| ${peer.name} | ${cells(countsOf(peer)).join(' | ')} |`),
  ].join('\n');
}

/**
 * @param {readonly Peer[]} peers
 * @param {readonly import('./faults.mjs').Fault[]} faults
 * @param {readonly import('./kept.mjs').FaultRun[]} runs one for each fault
 */
export function report(peers, faults, runs) {
  const countsOf = (/** @type {Peer} */ peer, /** @type {number} */ fault) =>
    runs[fault]?.counts[peers.indexOf(peer)] ?? noCounts();
  const sum = (/** @type {Peer} */ peer) => {
    const total = noCounts();
    for (const fault of faults.keys()) {
      const counts = countsOf(peer, fault);
      for (const key of /** @type {(keyof Counts)[]} */ (Object.keys(total))) total[key] += counts[key];
    }
    return total;
  };
  const commits = [...new Set(runs.flatMap(({ commit }) => commit ?? []))].join(', ');
  const older = faults.filter((_, index) => runs[index]?.commit === undefined).map(({ title }) => `"${title}"`);
  const code = `commit ${commits}${older.length === 0 ? '' : `, but for ${older.join(', ')}, which is older`}`;
  const versions = [...new Map(peers.map(({ name, version }) => [name.replace(/,.*/, ''), version]))];
  return `# The same faults for everybody

Written by \`npm run faults\`. Each fault was one run, on Node ${runs[0]?.node}, the last on ${runs
    .map(({ day }) => day)
    .sort()
    .at(-1)}; of pooled-backend as of ${code}.

${versions.map(([name, version]) => `${name} ${version}`).join(' · ')}

Each peer stands between the same clients and one origin that plays one fault. A POST executed twice and a wrong response
are breaches: money spent twice, and one client's answer in the hands of another. A failed GET is an outage that a proxy
could have kept from its client, except where the origin breaks off a body or dies again and again. A failed POST is the
price of never sending it twice: nobody can know whether it was executed. Hung: no answer within 5 s.

## All faults together

${table(peers, sum)}

${faults
  .map(
    ({ title, what }, fault) => `## ${title}

${what}

${table(peers, (peer) => countsOf(peer, fault))}
`,
  )
  .join('\n')}
## Settings

Every peer may open 100 connections to the origin. Those on Node run with keep-alive, a response timeout of 1.5 s where they
have one (node:http's client has none of its own), and their other settings as they come.

- pooled-backend in each mode of \`nonIdempotent\`, and as it comes but for \`retryOn: ['headers-timeout', 502, 503, 504]\`, which
  are the answers, and the lack of one, that the peers below send again after.
- HAProxy as it comes (\`retries 3\`, which covers failed connects); with \`retry-on all-retryable-errors\`,
  \`option redispatch\` and \`http-request disable-l7-retry if METH_POST\`, as its manual advises; and without that last line.
- nginx with upstream keep-alive: with its own \`proxy_next_upstream\`; with the origin listed twice, so that there is a next
  one, and \`error timeout invalid_header http_502 http_503 http_504\`; and with \`non_idempotent\` added.
`;
}
