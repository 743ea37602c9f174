/** The scorecard as a table. */

import { writeFileSync } from 'node:fs';

const RIGHT = '✓';

/**
 * @param {readonly import('./row.mjs').Row[]} rows
 * @param {readonly import('./run.mjs').Column[]} columns
 */
export function describeScore(rows, columns) {
  const head = ['', ...columns.map(({ name, version }) => `${name} ${version}`)];
  const body = rows.map(({ name }, row) => [`${row + 1}. ${name}`, ...columns.map(({ cells }) => shown(cells[row]))]);
  const sums = [
    '**right**',
    ...columns.map(({ cells }) => `**${cells.filter((cell) => cell === true).length} of ${rows.length}**`),
  ];
  return [line(head), line(head.map(() => '---')), ...body.map(line), line(sums)].join('\n');
}

/**
 * @param {readonly import('./row.mjs').Row[]} rows
 * @param {readonly import('./run.mjs').Column[]} columns
 */
export function writeScore(rows, columns) {
  const legend = rows.map(({ name, why }, row) => `${row + 1}. **${name}.** ${why}`);
  const text = `# Scorecard

What a gateway must carry, and who carries it. Written by \`npm run scorecard\`: raw TCP on both sides, every cell measured in
that run, each system in a process of its own on Node ${process.versions.node}. A mark is the right answer; anything else is
what was seen instead, twice. The systems run as their documentation shows them, without options that a user would have to
find: see \`peers/\` and \`scorecard/systems.mjs\`. The rows were chosen by the authors of pooled-backend; the reason of each
is below the table. Speed, load balancing, caching and all else that these systems are good at are not in it.

${describeScore(rows, columns)}

## What is right, and why

${legend.join('\n')}
`;
  writeFileSync(new URL('../scorecard.md', import.meta.url), text);
}

/** @param {true | string | undefined} cell */
function shown(cell) {
  return cell === true ? RIGHT : (cell ?? '').replaceAll(/[|\r\n]/g, ' ').slice(0, 60);
}

/** @param {readonly string[]} cells */
function line(cells) {
  return `| ${cells.join(' | ')} |`;
}
