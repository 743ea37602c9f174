/** What happened lately, newest first. */

import type { NewsItem } from '../report.js';
import { byId, el, type Part, PartList, setAttribute, setText } from './dom.js';
import { clockTime, count } from './format.js';
import type { Store } from './store.js';
import { hostOf, type Mood } from './verdict.js';

const MOODS: Readonly<Record<NewsItem['kind'], Mood>> = {
  eject: 'bad',
  down: 'bad',
  checkFailed: 'doubtful',
  readmit: 'good',
  originChanged: 'quiet',
  failOpen: 'bad',
  poisoned: 'bad',
  dialFailed: 'doubtful',
  reachable: 'good',
  discoveryFailed: 'doubtful',
  discoveryEnded: 'doubtful',
  resend: 'quiet',
  fail: 'bad',
  refuse: 'doubtful',
  stale: 'quiet',
};
const MOST = 12;

export function showNews(): (store: Store) => void {
  const none = byId('no-news');
  const list = new PartList<NewsItem>(byId('news'), newsItem);
  return ({ news }) => {
    none.hidden = news.length > 0;
    // Named by its text, so that the element of an item that happens again moves, and is not replaced.
    list.update(
      news
        .slice(0, MOST)
        .map((item, index) => [`${item.kind} ${item.origin} ${item.text} ${firstOf(news, item, index)}`, item]),
    );
  };
}

/** Tells equal items apart: an older one may be too old to be counted as the same. */
function firstOf(news: readonly NewsItem[], item: NewsItem, index: number): number {
  return news.slice(index + 1).filter(({ text, origin }) => text === item.text && origin === item.origin).length;
}

function newsItem(): Part<NewsItem> {
  const time = el('time');
  const origin = el('span', { class: 'host' });
  const text = el('span');
  const times = el('span', { class: 'times' });
  const element = el(
    'li',
    {},
    time,
    el('span', { class: 'lamp', 'aria-hidden': 'true' }),
    el('span', {}, origin, ' ', text, ' ', times),
  );
  return {
    element,
    update(item) {
      setText(time, clockTime(item.at));
      setText(origin, item.origin === null ? '' : hostOf({ origin: item.origin }));
      setText(text, item.text);
      setText(times, item.count > 1 ? `× ${count(item.count)}` : '');
      setAttribute(element, 'data-mood', MOODS[item.kind]);
    },
  };
}
