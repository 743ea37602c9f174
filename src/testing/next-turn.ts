/** A turn of the event loop, whatever a test runner's fake timers have put in the place of `setImmediate`. */

export const { setImmediate: nextTurn, clearImmediate: cancelTurn } = globalThis;
