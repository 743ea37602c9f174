/** The command line options of the demo. */

import { parseArgs } from 'node:util';

const HELP = `npm run demo [-- options]

Sends the requests of 2,000 clients to two origins, three times: each request on a connection
of its own, then through PooledBackend with nonIdempotent 'fresh', then 'verified'. One origin is
killed and started again in the middle of each phase. Everything runs on this machine, over loopback.

  --seconds N     length of each phase, 4 to 20 (default 12)
  --clients N     how many clients, half of them keep-alive, half one connection a request; 2 to 5,000 (default 2000)
  --origin URL    use a running server instead of our own origins; may be repeated.
                  It is not restarted, and what only our own can tell is shown as "not available".
  --get PATH      with --origin: what clients GET (default /)
  --post PATH     with --origin: where clients POST {"id": "…"}; without it no POST is sent to your servers
  --help

It exits with 1 when a POST was executed twice or a phase could not run, else with 0.`;

/**
 * @typedef {object} DemoOptions
 * @property {number} seconds of one phase
 * @property {number} clients
 * @property {string[]} origins real ones; if empty, the demo starts two
 * @property {string} get path of the GET requests; `/item/` gets a number appended and checked
 * @property {string | undefined} post path of the POST requests; `undefined` sends none
 */

/**
 * @param {string[]} words
 * @returns {DemoOptions} for --help and for wrong options, it ends the process instead
 */
export function readOptions(words) {
  try {
    const { values } = parseArgs({
      args: words,
      options: {
        seconds: { type: 'string', default: '12' },
        clients: { type: 'string', default: '2000' },
        origin: { type: 'string', multiple: true, default: [] },
        get: { type: 'string', default: '/' },
        post: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    const ours = values.origin.length === 0;
    return {
      seconds: wholeNumber('--seconds', values.seconds, 4, 20),
      clients: wholeNumber('--clients', values.clients, 2, 5000),
      origins: values.origin.map((url) => new URL(url).origin),
      get: ours ? '/item/' : values.get,
      post: ours ? '/payments' : values.post,
    };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    process.exit(2);
  }
}

/**
 * @param {string} name
 * @param {string} text
 * @param {number} least
 * @param {number} most
 */
function wholeNumber(name, text, least, most) {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw new Error(`${name} is a whole number from ${least} to ${most}, not ${text}`);
}
