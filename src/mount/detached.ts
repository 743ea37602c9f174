/** Guards against passing a method itself instead of what it returns. */

/** @throws TypeError for `createServer(backend.handler)`, which has lost its backend by the time of the first request */
export function refuseDetached(hasBackend: boolean, method: string): void {
  if (!hasBackend) throw new TypeError(`${method} must be called: pass backend.${method}(), not backend.${method}`);
}
