/** What a text, or a value in JSON, means as the value of an option. */

/** Options whose values are text, whatever it looks like. */
const TEXTS: ReadonlySet<string> = new Set(['title', 'listen', 'status', 'cookieDomainRewrite', 'cookiePathRewrite']);
const LOOKS_LIKE_JSON = /^\s*(?:\{|\[(?![0-9a-f]*:))/i; // not an IPv6 address in brackets
const LISTS: ReadonlySet<string> = new Set(['origins', 'retryOn', 'trustProxy']);

/** The value of a text: parsed if it is JSON, split if a list is expected, else the text itself. */
export function meaningOfText(name: string, text: string): unknown {
  if (TEXTS.has(name)) return /^(false$|\{)/.test(text) ? plain(text) : text;
  if (!LISTS.has(name) || text === 'false') return plain(text);
  const value = LOOKS_LIKE_JSON.test(text)
    ? plain(text)
    : text
        .split(/[\s,]+/)
        .filter(Boolean)
        .map(plain);
  return Array.isArray(value) ? value : [value];
}

/** The value of an option in a config file. */
export function meaningOfJson(name: string, value: unknown): unknown {
  return TEXTS.has(name) ? value : withInfinity(value);
}

function plain(text: string): unknown {
  try {
    return withInfinity(JSON.parse(text));
  } catch {
    return withInfinity(text);
  }
}

/** Why a text that begins as JSON does is none; `undefined` for any other text. */
export function whyNotJsonOf(text: string): string | undefined {
  if (!LOOKS_LIKE_JSON.test(text)) return undefined;
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** JSON has no Infinity, so it is written as the string 'Infinity'. */
function withInfinity(value: unknown): unknown {
  if (value === 'Infinity') return Number.POSITIVE_INFINITY;
  if (Array.isArray(value)) return value.map(withInfinity);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withInfinity(one)]));
}
