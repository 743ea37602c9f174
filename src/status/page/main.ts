/** The status page: receives reports and shows them. */

import { MOST_ORIGINS, type StatusReport } from '../report.js';
import { exportButton, pauseButton, themeButton } from './controls.js';
import { byId, type Part, PartList, setAttribute, setText } from './dom.js';
import { Feed, type FeedState } from './feed.js';
import { clockTime, duration } from './format.js';
import { foundLine } from './found.js';
import { heatMap } from './heat-map.js';
import { legend } from './legend.js';
import { showNews } from './news-list.js';
import { type OriginData, originCard } from './origin-card.js';
import { originView } from './origin-view.js';
import { Store } from './store.js';
import { held, showTiles } from './tiles.js';
import { type Mood, verdictOf, verdictOfAll } from './verdict.js';

/** More origins than this are shown in rows, those with problems first. */
const FEW = 12;
const FIRST: Readonly<Record<Mood, number>> = { bad: 0, doubtful: 1, good: 2, quiet: 2 };

const WORDS: Readonly<Record<FeedState, string>> = {
  connecting: 'connecting',
  live: 'live',
  polling: 'polling',
  paused: 'paused',
  lost: 'no answer',
};

const store = new Store();
const tiles = showTiles();
const states = legend();
byId('states').prepend(states.element);
const news = showNews();
const cards = new PartList<OriginData>(byId('origins'), () => originCard(store));
const heat = heatMap(true);
byId('heat').append(heat.element);
let view: { readonly name: string; readonly part: Part<OriginData> } | undefined;
let feedState: FeedState = 'connecting';

const feed = new Feed({
  all(report) {
    store.all(report);
    show();
  },
  tick(tick) {
    store.tick(tick);
    show();
  },
  state(state) {
    feedState = state;
    showFeedState();
  },
});

function show(): void {
  const { report } = store;
  if (report === undefined) return;
  byId('main').hidden = false;
  setText(byId('title'), report.title);
  showVerdict();
  showFeedState();
  const isRow = report.origins.length > FEW;
  const origins = report.origins.map((origin) => ({ origin, isRow }));
  const alone = origins.find(({ origin }) => origin.origin === askedOrigin());
  const hadFocus = byId('alone').contains(document.activeElement); // what is hidden loses it
  byId('overview').hidden = alone !== undefined;
  byId('alone').hidden = alone === undefined;
  if (alone !== undefined) showAlone(alone);
  else {
    showAll(report, origins);
    leaveView(hadFocus, report);
  }
  setText(byId('process'), `process ${report.process.pid} · Node ${report.process.node}${foundLine(report.discovery)}`);
  setText(byId('memory'), `spool ${held(report.spool)} · request bodies ${held(report.requestBuffer)}`);
}

function showAll(report: StatusReport, origins: readonly OriginData[]): void {
  const { stretch } = store;
  tiles(store);
  states.update(report.origins);
  const charted = origins.length > MOST_ORIGINS ? `the first ${MOST_ORIGINS} origins, ` : '';
  setText(byId('stretch'), `charts: ${charted}the last ${duration(stretch.to - stretch.from)}`);
  const isMany = origins.length > FEW;
  byId('origins').classList.toggle('many', isMany);
  // What concerns all origins comes before the rows: nobody looks for it below a hundred of them.
  const [below, next] = [byId('below'), isMany ? byId('states') : null];
  if (below.nextElementSibling !== next) byId('overview').insertBefore(below, next);
  const shown = isMany ? origins.toSorted((one, other) => urgencyOf(one) - urgencyOf(other)) : origins;
  cards.update(shown.map((one) => [one.origin.origin, one]));
  heat.update({ columns: store.columns, scope: 'all', stretch });
  news(store);
}

function urgencyOf({ origin }: OriginData): number {
  return FIRST[verdictOf(origin).mood];
}

/** Screen readers read the verdict out when it changes, and only then. */
function showVerdict(): void {
  if (store.report === undefined) return;
  const { mood, word, why } = verdictOfAll(store.report);
  setAttribute(byId('verdict'), 'data-mood', mood);
  setText(byId('verdict-word'), word);
  setText(byId('verdict-why'), why);
  document.title = `${mood === 'bad' ? '■ ' : mood === 'doubtful' ? '▲ ' : ''}${store.report.title}`;
}

function showFeedState(): void {
  setAttribute(byId('feed'), 'data-feed', feedState);
  setText(byId('feed-word'), WORDS[feedState]);
  setText(byId('feed-time'), store.report === undefined ? '' : clockTime(store.report.at));
}

function showAlone(data: OriginData): void {
  const { origin } = data.origin;
  if (view?.name !== origin) {
    view = { name: origin, part: originView(store) };
    byId('alone').replaceChildren(view.part.element);
    view.part.update(data);
    scrollTo(0, 0);
    // For people who use the keyboard or a screen reader: after a link they go on from here.
    view.part.element.querySelector('h2')?.focus({ preventScroll: true });
  } else view.part.update(data);
}

/** By the link of the page, or because the origin was removed: then it does not take the page back when it is added again. */
function leaveView(hadFocus: boolean, { discovery }: StatusReport): void {
  if (view === undefined) return;
  if (hadFocus) byId('title').focus({ preventScroll: true });
  if (discovery?.foundMsAgo === null) return; // a restarted process has no origins before it has found them
  view = undefined;
  if (askedOrigin() !== undefined) history.replaceState(null, '', '#/');
}

function askedOrigin(): string | undefined {
  const [, name] = /^#\/origin\/(.+)$/.exec(location.hash) ?? [];
  try {
    return name === undefined ? undefined : decodeURIComponent(name);
  } catch {
    return undefined;
  }
}

themeButton(show);
exportButton(store);
pauseButton(
  () => feed.pause(),
  () => feed.start(),
);
addEventListener('hashchange', show);
addEventListener('resize', show);
addEventListener('pagehide', () => feed.stop());
addEventListener('pageshow', (event) => event.persisted && feedState !== 'paused' && feed.start());
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', show);
feed.start();
