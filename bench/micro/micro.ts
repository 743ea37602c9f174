/** `npm run bench:micro [words]`: the pieces of the hot path one by one; with words, those whose names contain one of them. */

import { livenessCases, poolCases } from './lending.js';
import { type Case, type Measured, measure } from './measure.js';
import { bodyCases, objectCases, relayCases } from './relaying.js';
import { valueCases } from './values.js';

const words = process.argv.slice(2);
const liveness = await livenessCases();
const cases: Case[] = [
  ...valueCases(),
  ...(await poolCases()),
  ...liveness.cases,
  ...relayCases(),
  ...bodyCases(),
  ...objectCases(),
].filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));

console.log(`${process.version} ${process.arch}. Nanoseconds: best tenth, median. Bytes of heap.`);
for (const one of cases) console.log(line(await measure(one)));
liveness.close();

function line({ name, best, median, bytes }: Measured): string {
  const numbers = [best, median, bytes].map((value) => value.toFixed(0).padStart(8));
  return `${numbers.join('')}  ${name}`;
}
