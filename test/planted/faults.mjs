// Faults of which each breaks a promise: where, what is replaced by what, and where the tests are that should notice first.

const DISPATCH = ['test/unit/dispatch', 'test/properties', 'test/explorer', 'test/wire'];
const CONNECTION = ['test/unit/connection', 'test/properties', 'test/explorer', 'test/wire'];

export const faults = [
  {
    name: 'a POST is sent again once',
    file: 'src/dispatch/retry-policy.ts',
    from: "if (!facts.idempotent) return 'not-idempotent';",
    to: "if (!facts.idempotent && facts.ambiguousResends > 0) return 'not-idempotent';",
    tests: DISPATCH,
  },
  {
    name: 'a POST counts as idempotent',
    file: 'src/http1/method.ts',
    from: "case 'QUERY':",
    to: "case 'QUERY':\n    case 'POST':",
    tests: ['test/unit/http1', ...DISPATCH],
  },
  {
    name: 'the kernel is not believed when it says that a connection is closed or has bytes',
    file: 'src/connection/connection.ts',
    from: "if (liveness.name === 'alive') return true;",
    to: 'if (this.exchanges >= 0) return true;',
    tests: CONNECTION,
  },
  {
    name: 'the kernel says that every connection is alive',
    file: 'src/connection/liveness.ts',
    from: "return count === 0 ? STALE : { name: 'poisoned', bytes: Buffer.from(probe.subarray(0, count)) };",
    to: 'return count >= 0 ? ALIVE : STALE;',
    tests: CONNECTION,
  },
  {
    name: 'a connection is reused with bytes left over behind a response',
    file: 'src/http1/persistence.ts',
    from: 'if (leftoverBytes > 0) return LEFTOVER;',
    to: '',
    tests: ['test/unit/http1', ...CONNECTION],
  },
  {
    name: 'bytes left over are not counted',
    file: 'src/connection/connection.ts',
    from: 'leftoverBytes: this.#parser.leftover?.length ?? 0,',
    to: 'leftoverBytes: 0,',
    tests: CONNECTION,
  },
  {
    name: 'one connection more than maxConnections',
    file: 'src/origin/origin.ts',
    from: 'new Pool({ size: address.maxConnections,',
    to: 'new Pool({ size: address.maxConnections + 1,',
    tests: ['test/unit/origin', ...DISPATCH],
  },
  {
    name: 'one slot more than the pool was made for',
    file: 'src/pool/pool.ts',
    from: 'openLedger(count, create, this.#free)',
    to: 'openLedger(count + 1, create, this.#free)',
    tests: ['test/unit/pool', ...DISPATCH],
  },
  {
    name: 'a waiter is taken out of the queue and not served, where it could have a spare',
    file: 'src/dispatch/matching.ts',
    from: '    return forFresh ?? this.#queue.take(ONLY.any);',
    to: '    this.#queue.take(ONLY.any);\n    return forFresh;',
    tests: DISPATCH,
  },
  {
    name: 'nobody is woken when a dial is over',
    file: 'src/dispatch/matching.ts',
    from: '    this.#coming -= 1;\n    this.room();',
    to: '    this.#coming -= 1;',
    tests: DISPATCH,
  },
  {
    name: 'leaving the queue takes the next waiter along',
    file: 'src/dispatch/wait-queue.ts',
    from: '    if (older === undefined) this.oldest = newer;',
    to: '    if (older === undefined) this.oldest = newer?.newer;',
    tests: DISPATCH,
  },
];
