/** What TypeScript has to refuse in a user's program, and what it must not. `npm run types` checks it; it never runs. */

import type { BackendStats, PooledBackend } from 'pooled-backend';

declare const backend: PooledBackend;
declare const stats: BackendStats;
declare const domStream: {
  readonly locked: boolean;
  cancel(reason?: unknown): Promise<void>;
  getReader(): { read(): Promise<{ done: false; value: Uint8Array } | { done: true; value?: Uint8Array }> };
};
declare const numbers: ReadableStream<number>;

// The types of the DOM had such a stream before TypeScript 5.9.
void backend.request({ path: '/', body: domStream });
void backend.request({ path: '/', body: new Blob([]).stream() });
// @ts-expect-error: it gives neither bytes nor text
void backend.request({ path: '/', body: numbers });

backend.on('disconnect', ({ reason }) => reason === 'idle-timeout');
// @ts-expect-error: there is no such reason
backend.on('disconnect', ({ reason }) => reason === 'typo');
backend.on('resend', ({ reason }) => reason === 'reused-closed');
// @ts-expect-error: there is no such reason
backend.on('resend', ({ reason }) => reason === 'idle-timeout');
backend.on('eject', ({ reason }) => reason === 'slow' || reason === 'status_503' || reason === 'connection_refused');
// @ts-expect-error: that is a reason of `down`
backend.on('eject', ({ reason }) => reason === 'check_timeout');
backend.on('down', ({ reason }) => reason === 'check_timeout');
// @ts-expect-error: that is a reason of `eject`
backend.on('down', ({ reason }) => reason === 'slow');
backend.on('checkFailed', ({ what }) => what === 'status_503' || what === 'unexpected_answer');
// @ts-expect-error: there is no such result
backend.on('checkFailed', ({ what }) => what === 'check_timeout');

for (const { closed, resent, health } of stats.origins) {
  const counted: number | undefined = closed['idle-timeout'] ?? resent['reused-closed'];
  // @ts-expect-error: its name is 'idle-timeout'
  closed.idleTimeout;
  // @ts-expect-error: its name is 'reused-closed'
  resent.reusedClosed;
  // An origin has only those that were counted, so their sum is one of numbers.
  const sum: number = Object.values(closed).reduce((all, count) => all + count, 0);
  // @ts-expect-error: there is no such reason
  console.log(counted, sum, health.reason === 'typo');
}
