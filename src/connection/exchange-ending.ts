/** How exchanges fail: as errors, and as reasons for closing their connections. */

import { BackendError, type Progress } from '../errors.js';
import type { CloseReason } from '../observe/reasons.js';

/** How an exchange ended without a complete response. */
export type ExchangeEnding =
  | 'closed'
  | 'headers-timeout'
  | 'body-timeout'
  | 'send-timeout'
  | 'garbage'
  | 'unasked'
  | 'body-failed';

const CLOSE_REASON: Readonly<Record<ExchangeEnding, CloseReason>> = {
  closed: 'failed',
  'headers-timeout': 'timeout',
  'body-timeout': 'timeout',
  'send-timeout': 'timeout',
  garbage: 'garbage',
  unasked: 'poisoned',
  'body-failed': 'aborted',
};

/** The reason for closing the connection of an exchange that ended like this. */
export function closeReason(
  ending: ExchangeEnding,
  exchange: { readonly sent: Progress; readonly received: Progress } | undefined,
): CloseReason {
  if (ending !== 'closed' || exchange?.received !== 'nothing') return CLOSE_REASON[ending];
  return exchange.sent === 'nothing' ? 'stale' : 'silent';
}

export function closedError(origin: string, hasHead: boolean, sawBytes: boolean, cause?: Error): BackendError {
  // TLS 1.3 lets a client send before the server has looked at its certificate. If the server refuses it, an alert comes instead of a
  // response.
  if (!sawBytes && cause !== undefined && 'code' in cause && /ALERT/.test(String(cause.code))) {
    return new BackendError('tls_alert_received', `${origin} refused the connection: ${cause.code}`, { origin, cause });
  }
  if (hasHead) {
    const message = `${origin} closed the connection in the middle of its answer`;
    return new BackendError('http_response_incomplete', message, { origin, cause });
  }
  // Bytes without a final head may be a 100 Continue: then nobody has begun to answer.
  const when = sawBytes ? 'before a complete response head' : 'without a byte of an answer';
  return new BackendError('connection_terminated', `${origin} closed the connection ${when}`, { origin, cause });
}

/** The bytes came before a request was sent. */
export function unaskedError(origin: string): BackendError {
  return new BackendError('connection_terminated', `${origin} sent bytes that nobody had asked for`, { origin });
}

export function wrongSwitchError(origin: string, chosen: readonly string[]): BackendError {
  const what = chosen.length === 0 ? 'without saying to which' : `to ${chosen.join(', ')}, which was not offered`;
  return new BackendError('http_upgrade_failed', `${origin} switched protocols ${what}`, { origin });
}

export function untakenError(origin: string, ms: number): BackendError {
  return new BackendError('connection_write_timeout', `${origin} took no byte of the request for ${ms} ms`, { origin });
}

export function silentError(origin: string, hasHead: boolean, ms: number): BackendError {
  if (!hasHead) {
    return new BackendError('http_response_timeout', `${origin} sent no response head for ${ms} ms`, { origin });
  }
  const message = `${origin} was silent in the middle of a response for ${ms} ms`;
  return new BackendError('connection_read_timeout', message, { origin });
}
