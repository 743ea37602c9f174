/** An error of code that we call, which must be seen, but must not stop what we are doing. */

/** Throws it a microtask later, where nothing catches it: as an uncaught exception of the process. */
export function throwUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
