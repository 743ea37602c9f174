/** Loaded before the tests where FC_SEED is set: plays the failing case of a property again, as fast-check has told it. */

import fc from 'fast-check';

const { FC_SEED, FC_PATH } = process.env;
fc.configureGlobal({ seed: Number(FC_SEED), ...(FC_PATH !== undefined && { path: FC_PATH, endOnFailure: true }) });
