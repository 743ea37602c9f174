/** The name that this proxy goes by in Via (RFC 9110 §7.6.3) and Proxy-Status (RFC 9209). */

export const PSEUDONYM = 'pooled-backend';
