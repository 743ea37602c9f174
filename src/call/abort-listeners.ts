/** One listener on an AbortSignal, however many requests it ends, because Node warns of a leak from the eleventh listener on. */

interface Listening {
  readonly calls: Set<() => void>;
  readonly tell: () => void; // the listener
}

const listening = new WeakMap<AbortSignal, Listening>();

/** Calls `call` when `signal` is aborted. The signal must not be aborted yet. */
export function listenForAbort(signal: AbortSignal, call: () => void): void {
  const { calls, tell } = listening.get(signal) ?? startListening(signal);
  if (calls.size === 0) signal.addEventListener('abort', tell);
  calls.add(call);
}

/** Forgets `call`. With the last one the listener is removed from the signal. */
export function forgetAbort(signal: AbortSignal, call: () => void): void {
  const found = listening.get(signal);
  if (found === undefined || !found.calls.delete(call) || found.calls.size > 0) return;
  signal.removeEventListener('abort', found.tell);
}

function startListening(signal: AbortSignal): Listening {
  const calls = new Set<() => void>();
  const tell = () => {
    for (const call of [...calls]) call();
  };
  const made = { calls, tell };
  listening.set(signal, made);
  return made;
}
