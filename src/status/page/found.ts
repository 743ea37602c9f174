/** How discovery is doing, in words. */

import type { StatusReport } from '../report.js';
import { duration, plural } from './format.js';

/** Empty if the origins are listed in the options. */
export function foundLine(discovery: StatusReport['discovery']): string {
  if (discovery === null) return '';
  const { source, origins, foundMsAgo, failures, error } = discovery;
  const found =
    foundMsAgo === null ? 'no origins found' : `${plural(origins, 'origin')} found ${duration(foundMsAgo)} ago`;
  const since = failures === 0 ? '' : `, ${plural(failures, 'failure')} since: ${error}`;
  return ` · ${found} by ${source}${since}`;
}
