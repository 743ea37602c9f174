/** Latencies over time: a column is a piece of time, a row a range of durations. The more requests, the darker. */

import { BINS, boundMs, type Column, type Latency } from '../report.js';
import { el, type Part, setAttribute, setText } from './dom.js';
import { duration } from './format.js';
import { inWords, rangeOf, sumOf } from './latency.js';
import { GAP_MS, latencies, type Scope, type Stretch } from './series.js';

export interface HeatMapData {
  readonly columns: readonly Column[];
  readonly scope: Scope;
  readonly stretch: Stretch;
}

/** The least number of rows, so that a narrow band looks narrow. */
const LEAST_ROWS = 10;
const LEAST_ALPHA = 0.16;
/** Width of a column after a gap, as a length of time. */
const LONE_MS = 2_000;

interface Cell {
  readonly at: number;
  readonly before: number;
  readonly latency: Latency;
}

export function heatMap(hasAxis = false): Part<HeatMapData> {
  const canvas = el('canvas', { role: 'img', 'aria-label': 'Latency: nothing yet' });
  const axis = el('div', { class: 'axis', 'aria-hidden': 'true' });
  const times = el('p', { class: 'times', 'aria-hidden': 'true' }, el('span'), el('span'), el('span', {}, 'now'));
  const axes = hasAxis ? [axis, times] : [];
  const element = el('div', { class: hasAxis ? 'heat with-axis' : 'heat' }, canvas, ...axes);
  return {
    element,
    update({ columns, scope, stretch }) {
      const cells = cellsOf(columns, scope, stretch);
      const all = sumOf(cells.map(({ latency }) => latency));
      const rows = rowsOf(all);
      draw(canvas, cells, rows, stretch);
      if (hasAxis) {
        showAxis(axis, rows);
        showTimes(times, stretch.to - stretch.from);
      }
      const said = inWords(all) ?? 'nothing yet';
      setAttribute(canvas, 'aria-label', `Latency, last ${duration(stretch.to - stretch.from)}: ${said}`);
    },
  };
}

function cellsOf(columns: readonly Column[], scope: Scope, { from }: Stretch): Cell[] {
  const cells: Cell[] = [];
  let before = Number.NEGATIVE_INFINITY;
  for (const { at, parts } of latencies(columns, scope)) {
    if (at >= from) cells.push({ at, before, latency: parts.length === 1 && parts[0] ? parts[0] : sumOf(parts) });
    before = at;
  }
  return cells;
}

/** The first and the last bin that are shown. */
function rowsOf(all: Latency): readonly [number, number] {
  const [first, last] = rangeOf(all) ?? [0, LEAST_ROWS - 1];
  const missing = Math.max(0, LEAST_ROWS - (last - first + 1));
  const lowest = Math.max(0, first - Math.floor(missing / 2));
  return [lowest, Math.min(BINS - 1, Math.max(last, lowest + LEAST_ROWS - 1))];
}

function draw(
  canvas: HTMLCanvasElement,
  cells: readonly Cell[],
  rows: readonly [number, number],
  stretch: Stretch,
): void {
  const { clientWidth, clientHeight } = canvas;
  const [width, height] = [Math.round(clientWidth * devicePixelRatio), Math.round(clientHeight * devicePixelRatio)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext('2d');
  if (context === null || width === 0) return;
  context.clearRect(0, 0, width, height);
  context.fillStyle = getComputedStyle(canvas).color;
  const [lowest, highest] = rows;
  const rowHeight = height / (highest - lowest + 1);
  const most = cells.reduce((all, { latency }) => Math.max(all, ...latency.counts), 0);
  const x = (at: number) => Math.round(((at - stretch.from) / (stretch.to - stretch.from)) * width);
  for (const { at, before, latency } of cells) {
    const right = x(at);
    // A column is as wide as the time that it covers. After a gap it covers less than the time since the column before.
    const left = Math.min(right - 1, x(at - before > GAP_MS ? at - LONE_MS : before));
    for (const [index, count] of latency.counts.entries()) {
      if (count === 0) continue;
      const row = latency.from + index - lowest;
      context.globalAlpha = LEAST_ALPHA + (1 - LEAST_ALPHA) * Math.sqrt(count / most);
      const top = Math.round(height - (row + 1) * rowHeight);
      context.fillRect(left, top, right - left, Math.round(height - row * rowHeight) - top);
    }
  }
}

/** Durations on the left, at about every fourth bin. */
function showAxis(axis: HTMLElement, [lowest, highest]: readonly [number, number]): void {
  const rows = highest - lowest + 1;
  const step = rows > 16 ? 4 : 2;
  const marks: HTMLElement[] = [];
  for (let bin = lowest + 1; bin < highest; bin += 1) {
    if (bin % step !== 0) continue;
    const mark = el('span', {}, duration(Number(boundMs(bin).toPrecision(2))));
    mark.style.bottom = `${((bin - lowest + 1) / rows) * 100}%`;
    marks.push(mark);
  }
  axis.replaceChildren(...marks);
}

/** Says how long ago the beginning and the middle are. */
function showTimes({ children: [first, middle] }: HTMLElement, spanMs: number): void {
  if (first) setText(first, `${duration(spanMs)} ago`);
  if (middle) setText(middle, `${duration(spanMs / 2)} ago`);
}
