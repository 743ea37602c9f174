/** Counts the live timers of this process. Import it before the watched code. Timers made with `untold` are not counted. */

export const untold = { setTimeout: globalThis.setTimeout, setInterval: globalThis.setInterval };

/** @type {Set<NodeJS.Timeout>} */
const live = new Set();
const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;

globalThis.setTimeout = /** @type {any} */ (
  (/** @type {(...how: unknown[]) => void} */ call, /** @type {number} */ ms, /** @type {unknown[]} */ ...how) => {
    const timer = setTimeout(() => {
      live.delete(timer);
      call(...how);
    }, ms);
    live.add(timer);
    return timer;
  }
);
globalThis.setInterval = /** @type {any} */ (
  (/** @type {any[]} */ ...how) => {
    const timer = Reflect.apply(setInterval, globalThis, how);
    live.add(timer);
    return timer;
  }
);
for (const [name, clear] of /** @type {const} */ ([
  ['clearTimeout', clearTimeout],
  ['clearInterval', clearInterval],
])) {
  globalThis[name] = (timer) => {
    live.delete(/** @type {NodeJS.Timeout} */ (timer));
    clear(timer);
  };
}

/** @returns {number} */
export function liveTimers() {
  return live.size;
}
