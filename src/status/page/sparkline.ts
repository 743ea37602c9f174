/** A series as a line. The right edge is now. */

import { el, type Part, setAttribute, svg } from './dom.js';
import { duration } from './format.js';
import type { Point, Stretch } from './series.js';

export interface SparklineData {
  readonly points: readonly Point[];
  readonly stretch: Stretch;
  /** Top of the scale. Without it, the top is the highest point, but at least `least`. */
  readonly top?: number;
  readonly least?: number;
  readonly show: (value: number) => string;
}

const WIDTH = 200;
const HEIGHT = 40;

/** `name` tells people who do not see the line what it shows. */
export function sparkline(name: string): Part<SparklineData> {
  const area = svg('path', { class: 'area' });
  const line = svg('path', { class: 'line' });
  const picture = svg(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' },
    area,
    line,
  );
  const element = el('div', { class: 'spark' }, picture);
  return {
    element,
    update({ points, stretch, top, least = 1, show }) {
      const seen = points.filter(({ at }) => at >= stretch.from);
      const known = seen.flatMap(({ value }) => (value === undefined ? [] : [value]));
      const highest = known.reduce((most, value) => Math.max(most, value), 0);
      const scale = top || Math.max(highest, least); // 0: there is no origin yet, or none has a share yet
      const paths = pathsOf(seen, stretch, scale);
      setAttribute(line, 'd', paths.map(({ line }) => line).join(''));
      setAttribute(area, 'd', paths.map(({ area }) => area).join(''));
      const now = known.at(-1);
      const said = now === undefined ? 'nothing yet' : `now ${show(now)}, highest ${show(highest)}`;
      setAttribute(picture, 'aria-label', `${name}, last ${duration(stretch.to - stretch.from)}: ${said}`);
    },
  };
}

/** One path for each run of points between two gaps. */
function pathsOf(points: readonly Point[], { from, to }: Stretch, top: number): { line: string; area: string }[] {
  const runs: string[][] = [];
  let run: string[] = [];
  for (const { at, value } of points) {
    if (value === undefined) {
      run = [];
      continue;
    }
    if (run.length === 0) runs.push(run);
    const x = ((at - from) / (to - from)) * WIDTH;
    // A free pixel at the edges, so that the line is not cut.
    const y = HEIGHT - 1 - (Math.min(value, top) / top) * (HEIGHT - 3);
    run.push(`${x.toFixed(1)} ${y.toFixed(1)}`);
  }
  return runs.map((pieces) => {
    const line = `M${pieces.join('L')}`;
    const first = pieces[0]?.split(' ')[0] ?? '0';
    const last = pieces.at(-1)?.split(' ')[0] ?? '0';
    return { line, area: `${line}L${last} ${HEIGHT}L${first} ${HEIGHT}Z` };
  });
}
