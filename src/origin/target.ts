/** Where and how the connections of one origin are dialled, and what they are given. */

import type { ConnectionSetting } from '../connection/connection-setting.js';
import type { DialTarget } from '../connection/dial.js';
import { FIXED_LIMITS } from '../http1/parser-limits.js';
import { RepeatedHead } from '../http1/repeated-head.js';
import type { ResolvedOrigin } from '../options.js';
import type { OriginSetting } from './setting.js';

/** `connectTimeoutMs` is read at each dial, because the option may change. */
export function targetOf(options: ResolvedOrigin, setting: OriginSetting): DialTarget {
  const { connect, tls } = setting;
  return {
    ...options,
    connect,
    tls,
    get connectTimeoutMs() {
      return setting.options.connectTimeout;
    },
  };
}

/** What each connection is created with. */
export function connectionSettingOf(
  { origin, protocol }: ResolvedOrigin,
  { clock, deadlines, options }: OriginSetting,
): ConnectionSetting {
  const limits = { ...FIXED_LIMITS, maxHeaderBytes: options.maxHeaderBytes };
  return { origin, secure: protocol === 'https:', clock, deadlines, limits, repeated: new RepeatedHead() };
}
