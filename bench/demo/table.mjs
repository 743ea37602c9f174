/** The table at the end of the demo: a line for each measure, a column for each phase. */

/** @typedef {import('./phase.mjs').PhaseResult} PhaseResult */

const UNKNOWN = 'not available';

/** @type {[string, (result: PhaseResult) => string][]} */
const LINES = [
  ['requests sent by clients', (result) => number(result.requests)],
  ['connections opened by the proxy', (result) => number(result.opened)],
  ['connections the origins accepted', (result) => number(result.accepted)],
  ['requests on a reused connection', (result) => reuse(result)],
  ["TIME_WAIT on the origins' side", (result) => number(result.remote ? undefined : result.timeWait?.serverSide)],
  ["TIME_WAIT on the proxy's side", (result) => number(result.timeWait?.clientSide)],
  ['GET  p50 / p99', (result) => latency(result.latencies.GET)],
  ['POST p50 / p99', (result) => latency(result.latencies.POST)],
  ['CPU of the proxy per request', (result) => `${result.cpuMicroseconds.toFixed(0)} µs`],
  ['GET  errors clients saw', (result) => errors(result.errors.GET, result.answered.GET)],
  ['POST errors clients saw', (result) => errors(result.errors.POST, result.answered.POST)],
  ['POST answered 502, delivery unknown', (result) => number(result.unknown)],
  ['  of these had been executed', (result) => number(result.unknownExecuted)],
  ['POST executed twice', (result) => number(result.executedTwice)],
];

/**
 * @param {readonly PhaseResult[]} results
 * @returns {string}
 */
export function table(results) {
  const cells = [
    ['', ...results.map((result) => result.title)],
    ...LINES.map(([name, cell]) => [name, ...results.map(cell)]),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? [];
  const text = cells.map((line) =>
    line
      .map((cell, column) => pad(cell, widths[column] ?? 0, column))
      .join('   ')
      .trimEnd(),
  );
  text.splice(1, 0, widths.map((width) => '─'.repeat(width)).join('───'));
  return [...text, ...errorKinds(results)].join('\n');
}

/**
 * @param {string} cell
 * @param {number} width
 * @param {number} column
 */
function pad(cell, width, column) {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

/** @returns {string} */
function number(/** @type {number | undefined} */ value) {
  return value === undefined ? UNKNOWN : value.toLocaleString('en-US');
}

/** Every request is a reuse, except the first one of each connection. */
function reuse(/** @type {PhaseResult} */ result) {
  const answered = result.answered.GET + result.answered.POST;
  return `${((100 * Math.max(0, answered - result.opened)) / Math.max(1, answered)).toFixed(1)} %`;
}

function latency(/** @type {import('./phase.mjs').Percentiles} */ values) {
  return values === null ? 'none answered' : `${values.p50.toFixed(1)} / ${values.p99.toFixed(1)} ms`;
}

/**
 * @param {Record<string, number>} kinds
 * @param {number} answered
 */
function errors(kinds, answered) {
  const failed = Object.values(kinds).reduce((sum, count) => sum + count, 0);
  return `${number(failed)} of ${number(failed + answered)}`;
}

/**
 * @param {readonly PhaseResult[]} results
 * @returns {string[]} one line for each phase and method in which clients saw errors
 */
function errorKinds(results) {
  const lines = results.flatMap((result) =>
    /** @type {const} */ (['GET', 'POST']).flatMap((method) => {
      const kinds = Object.entries(result.errors[method]).sort((one, other) => other[1] - one[1]);
      return kinds.length === 0
        ? []
        : [`  ${result.title}, ${method}: ${kinds.map(([kind, count]) => `${number(count)} × ${kind}`).join('; ')}`];
    }),
  );
  return lines.length === 0 ? [] : ['', 'Errors by kind:', ...lines];
}
