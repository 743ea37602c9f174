/**
 * The tests of other projects that do not pass with our transport inside, and why. `outcome`:
 * - 'fails': they fail; if one passes, this list is wrong;
 * - 'depends': the result depends on the network of the machine, or on which of two things comes first.
 *
 * `passesWith`: options of a backend with which they pass.
 */

const REPLY_FROM = '@fastify/reply-from';
const SENT_AGAIN = 'they expect a GET to fail when its connection is closed; here it was sent again once';
const ATTEMPTS = { maxAttempts: 1 };

export const differences = [
  {
    suite: REPLY_FROM,
    file: 'undici-retry.test.js',
    tests: ['will not retry', 'will not retry unsupported method'],
    outcome: 'fails',
    why: SENT_AGAIN,
    passesWith: ATTEMPTS,
  },
  {
    suite: REPLY_FROM,
    file: 'retry-with-a-custom-handler.test.js',
    tests: ['we can exceed our retryCount and introspect attempts independently'],
    outcome: 'fails',
    why: SENT_AGAIN,
    passesWith: ATTEMPTS,
  },
  {
    suite: REPLY_FROM,
    file: 'connect-timeout.test.js',
    tests: ['returns 504 on undici connect timeout'],
    outcome: 'depends',
    why: 'it needs 10.255.255.1 to be an address that nobody answers for',
  },
  {
    suite: REPLY_FROM,
    file: 'undici-timeout.test.js',
    tests: ['undici request with specific timeout'],
    outcome: 'depends',
    why: 'its server answers after 1,000 ms, and 1,000 ms is its timeout',
  },
];
