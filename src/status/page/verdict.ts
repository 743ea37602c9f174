/** How origins and the backend are doing, in words. */

import type { OriginReport, StatusReport } from '../report.js';
import { count, duration, percent, plural } from './format.js';

export type Mood = 'good' | 'doubtful' | 'bad' | 'quiet';

export interface Verdict {
  readonly mood: Mood;
  /** A word or two. */
  readonly word: string;
  /** Why, and since when. */
  readonly why: string;
}

/** An ejection that ended longer ago than this is not mentioned any more. */
const NEWS_MS = 600_000;
/** How many of the origins that are out are named in the first line. */
const MOST_NAMED = 3;

export function verdictOf(origin: OriginReport): Verdict {
  const { health, backoff, service } = origin;
  if (service !== 'serving') {
    const { busy } = origin.connections;
    return {
      mood: 'quiet',
      word: service,
      why: busy > 0 ? `${plural(busy, 'connection')} at work` : 'nothing in progress',
    };
  }
  const since = health.sinceMs === null ? '' : `for ${duration(health.sinceMs)}`;
  const error = codeOf(backoff.error ?? '');
  if (health.state === 'ejected') return { mood: 'bad', word: 'ejected', why: said(since, health.reason ?? '', error) };
  if (health.state === 'down') return { mood: 'bad', word: 'down', why: said(since, health.reason ?? '', error) };
  if (health.state === 'probing') {
    return { mood: 'doubtful', word: 'on probation', why: said(since && `out ${since}`, health.reason ?? '', error) };
  }
  if (backoff.state !== 'ready') {
    return { mood: 'bad', word: 'cannot be dialled', why: said(`for ${duration(backoff.sinceMs)}`, error) };
  }
  if (origin.weight === 0) return { mood: 'quiet', word: 'resting', why: 'its weight is 0' };
  const { open, dialling } = origin.connections;
  if (origin.backup && open + dialling === 0) return { mood: 'quiet', word: 'stands by', why: '' };
  if (health.share < 1)
    return { mood: 'good', word: 'serves', why: `again, ${since}, ${percent(health.share)} of its share` };
  const isBack = health.sinceMs !== null && health.sinceMs < NEWS_MS;
  return { mood: 'good', word: 'serves', why: isBack ? `again, ${since}` : '' };
}

export function verdictOfAll({ state, origins }: StatusReport): Verdict {
  if (state === 'closed') return { mood: 'quiet', word: 'closed', why: 'the backend takes no requests any more' };
  if (state === 'draining') return { mood: 'doubtful', word: 'draining', why: 'what has begun is being finished' };
  const out = origins.filter((origin) => ['bad', 'doubtful'].includes(verdictOf(origin).mood));
  const taking = origins.filter(({ service, weight }) => service === 'serving' && weight > 0);
  const isLone = origins.length === 1;
  if (origins.length === 0) return { mood: 'bad', word: 'No origin', why: 'none has been found' };
  if (taking.length === 0) {
    return { mood: 'bad', word: 'No origin takes requests', why: 'all are drained, or their weight is 0' };
  }
  if (out.length === 0) {
    return { mood: 'good', word: isLone ? 'The origin serves' : `All ${origins.length} origins are well`, why: '' };
  }
  const named = out.slice(0, MOST_NAMED).map((origin) => `${hostOf(origin)} ${verdictOf(origin).word}`);
  const why = [...named, ...(out.length > MOST_NAMED ? [`${count(out.length - MOST_NAMED)} more`] : [])].join(', ');
  if (taking.every((origin) => out.includes(origin))) {
    const word = out.length === origins.length ? 'Every origin is out' : 'Every origin that takes requests is out';
    return { mood: 'bad', word: isLone ? 'The origin is out' : word, why };
  }
  const verb = out.length === 1 ? 'is' : 'are';
  return { mood: 'doubtful', word: `${out.length} of ${plural(origins.length, 'origin')} ${verb} out`, why };
}

/** The system's error of a dial, without the name of the origin, which the page shows already. */
function codeOf(error: string): string {
  return error.slice(error.lastIndexOf(': ') + 1).trim();
}

/** The name of an origin without the scheme. */
export function hostOf({ origin }: { readonly origin: string }): string {
  return origin.replace(/^https?:\/\//, '');
}

function said(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' · ');
}
