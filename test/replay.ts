/** Loaded before the tests if FC_SEED is set: plays a failing case of a property again, from what fast-check has printed. */

import fc from 'fast-check';

const { FC_SEED, FC_PATH } = process.env;
fc.configureGlobal({ seed: Number(FC_SEED), ...(FC_PATH !== undefined && { path: FC_PATH, endOnFailure: true }) });
