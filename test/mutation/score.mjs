// Counts the mutants of a report, without the equivalent ones.

import { equivalent } from './equivalent.mjs';

const LEAST_SHARE = 0.95;

const isNoticed = ({ status }) => status === 'Killed' || status === 'Timeout';
const isCounted = ({ status }) => status !== 'CompileError' && status !== 'RuntimeError' && status !== 'Ignored';

function isEquivalent(mutant, lines) {
  const line = (lines[mutant.location.start.line - 1] ?? '').trim();
  return equivalent.some((one) => one.line === line && (one.to === undefined || one.to === mutant.replacement));
}

/** Prints a table, and the mutants that were not noticed. Returns false if there are too many. */
export function score({ files }) {
  const rows = [];
  const left = [];
  for (const [file, { source, mutants }] of Object.entries(files)) {
    const lines = source.split('\n');
    const counted = mutants.filter(isCounted);
    const missed = counted.filter((mutant) => !isNoticed(mutant));
    const same = missed.filter((mutant) => isEquivalent(mutant, lines));
    const shown = missed.filter((mutant) => !isEquivalent(mutant, lines));
    rows.push([file, counted.length, counted.length - missed.length, same.length, shown.length]);
    for (const { location, replacement } of shown) {
      left.push(`${file}:${location.start.line}: ${lines[location.start.line - 1]?.trim()}  =>  ${replacement}`);
    }
  }
  const sum = (column) => rows.reduce((total, row) => total + row[column], 0);
  rows.push(['all', sum(1), sum(2), sum(3), sum(4)]);
  console.log(
    '| file | mutants | noticed | change nothing | not noticed | share |\n| --- | --- | --- | --- | --- | --- |',
  );
  for (const [file, all, noticed, same, missed] of rows) {
    const share = ((100 * noticed) / (all - same)).toFixed(1);
    console.log(`| \`${file}\` | ${all} | ${noticed} | ${same} | ${missed} | ${share} % |`);
  }
  if (left.length > 0) console.log(`\nNot noticed:\n${left.join('\n')}`);
  return rows.every(([, all, noticed, same]) => noticed >= LEAST_SHARE * (all - same));
}
