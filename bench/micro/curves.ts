/** Prints as JSON what each piece of code costs at each size, for bench/curves/run.mjs. */

import { GROWTHS } from './growth.js';
import { measure } from './measure.js';

const curves = [];
for (const { name, of, sizes, at } of GROWTHS) {
  const points = [];
  for (const size of sizes) {
    const { best, bytes } = await measure(await at(size));
    points.push({ size, value: best, bytes });
  }
  curves.push({ name, of, unit: 'ns', points });
}
console.log(JSON.stringify(curves));
process.exit(0);
