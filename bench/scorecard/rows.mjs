/** All rows, in the order of the table. */

import { bodyRows } from './rows/bodies.mjs';
import { clientRows } from './rows/clients.mjs';
import { failureRows } from './rows/failures.mjs';
import { fieldRows } from './rows/fields.mjs';
import { strictnessRows } from './rows/strictness.mjs';

/** @type {readonly import('./row.mjs').Row[]} */
export const ROWS = [...fieldRows, ...bodyRows, ...failureRows, ...clientRows, ...strictnessRows];
