/** Node's own `setImmediate`, taken before the fake timers of a test runner can replace it. */

export const { setImmediate: nextTurn, clearImmediate: cancelTurn } = globalThis;
