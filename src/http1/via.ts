/** The name that this proxy has in Via (RFC 9110 §7.6.3) and Proxy-Status (RFC 9209). */

export const PSEUDONYM = 'pooled-backend';

const VIA_1_1 = `1.1 ${PSEUDONYM}`;

/** What is added to Via for a message that came in this version. */
export function viaOf(httpVersion: string): string {
  return httpVersion === '1.1' ? VIA_1_1 : `${httpVersion} ${PSEUDONYM}`;
}
