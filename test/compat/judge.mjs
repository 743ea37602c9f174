/** Compares the results of a suite with the list of known differences. */

import { basename } from 'node:path';

/** @typedef {{ name: string, file: string, passed: boolean, skipped?: boolean, why?: string }} Result */

/** The file and the name of a test. */
export function keyOf({ file, name }) {
  return `${basename(file)}: ${name}`;
}

/**
 * @param {string[]} files with tests, each of which must have results
 * @param {Result[]} results of those files, with our transport
 * @param {{ file: string, tests: string[], outcome: string }[]} differences of this suite
 * @returns sentences that say what is wrong; none if everything is as expected
 */
export function judge(files, results, differences) {
  const silent = files.filter((file) => !results.some((result) => basename(result.file) === file));
  const complaints = silent.map((file) => `${file}: no test of it has ended`);
  for (const { file, tests, outcome } of differences) {
    const ofFile = results.filter((result) => basename(result.file) === file);
    const isAsListed = (test) => outcome === 'depends' || ofFile.some(({ name, passed }) => name === test && !passed);
    for (const test of tests)
      if (!isAsListed(test)) complaints.push(`${file}: ${test} is listed as failing, and passes`);
  }
  for (const result of results) {
    const isListed = differences.some(
      ({ file, tests }) => file === basename(result.file) && tests.includes(result.name),
    );
    if (!result.passed && !isListed) complaints.push(`${keyOf(result)} fails: ${result.why}`);
  }
  return complaints;
}

/** The same for tests that pass with other options: each of them must pass. */
export function judgeOthers(results, { file, tests }) {
  const passed = new Set(results.filter((result) => result.passed).map(keyOf));
  return tests
    .filter((name) => !passed.has(keyOf({ file, name })))
    .map((name) => `${file}: ${name} is listed as passing with other options, and does not`);
}
